// Tests the page of metrics of a running runtime in Chromium.
//
// The runtime must run the flows of examples/echo.
//   FERROWIRE_URL   its base URL, default http://127.0.0.1:1880
//   CHROMIUM        the browser, default /usr/bin/chromium
//   PICTURE         where to save a screenshot
//
// Every wait is for an event or a state of the page, with a timeout; nothing sleeps.
import { chromium } from "playwright-core";
import assert from "node:assert/strict";
import { everyTextIsTranslated } from "./texts.mjs";

const base = (process.env.FERROWIRE_URL ?? "http://127.0.0.1:1880").replace(/\/$/, "");
const address = `${base}/ferrowire/metrics`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

/** The page in a context of its own; `answer` replaces that of `/metrics`. */
async function open({ answer, locale = "en-US" } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1100 }, locale });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  if (answer) await page.route("**/metrics", (route) => (route.request().url() === address ? route.continue() : answer(route)));
  const response = await page.goto(address);
  return { page, errors, response };
}

/** The value that a panel shows for a name. */
const shown = (page, title, name) =>
  page.locator("article", { hasText: title }).locator("li", { hasText: name }).locator("b");

async function waitFor(what, condition) {
  const limit = Date.now() + 30000;
  for (;;) {
    const value = await what();
    if (condition(value)) return value;
    assert.ok(Date.now() < limit, `it stays ${JSON.stringify(value)}`);
  }
}

/** Metrics of a runtime: the flows run, and what is given. */
const metrics = (lines) => ["ferrowire_flows_running 1", ...lines, ""].join("\n");

const tests = {
  async "the page is served with a policy that forbids everything from elsewhere"() {
    const { response } = await open();
    assert.match(response.headers()["content-security-policy"], /default-src 'none'.*connect-src 'self'/);
  },

  async "what happens in the flows is shown"() {
    const { page, errors } = await open();
    await page.locator("#state", { hasText: "The flows run" }).waitFor();
    const client = await page.context().newPage();
    await client.evaluate((url) => new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      Object.assign(socket, { onopen: () => socket.send("begin"), onerror: reject });
      socket.onmessage = ({ data }) => { socket.send(data); resolve(); };
    }), `${base.replace("http", "ws")}/ws/echo`);
    await page.bringToFront();
    await waitFor(() => shown(page, "WebSocket connections", "server").textContent(), (text) => Number(text) >= 1);
    for (const [title, name] of [["Messages received by nodes", "websocket out"], ["WebSocket messages", "sent"]]) {
      await waitFor(() => shown(page, title, name).textContent(), (text) => parseFloat(text.replace(",", "")) > 0);
    }
    await page.locator("#flow-rows tr").first().waitFor();
    if (process.env.PICTURE) await page.screenshot({ path: process.env.PICTURE });
    assert.deepEqual(errors, []);
  },

  async "a counter is shown as a rate, also after a restart, and only the largest of many"() {
    let reading = 0;
    const { page, errors } = await open({
      answer: (route) => {
        reading++;
        const count = reading === 3 ? 0 : 1e6 * reading;
        const types = Array.from({ length: 9 }, (_, at) => `ferrowire_messages_queued{type="n${at} \\"q\\""} ${at}`);
        return route.fulfill({ body: metrics([`ferrowire_errors_total{type="function"} ${count}`, ...types]) });
      },
    });
    const errorsOfFunctions = () => shown(page, "Errors of nodes", "function").textContent();
    await waitFor(errorsOfFunctions, (text) => parseFloat(text.replaceAll(",", "")) > 1000);
    await waitFor(errorsOfFunctions, (text) => text === "0/s");
    await waitFor(errorsOfFunctions, (text) => parseFloat(text.replaceAll(",", "")) > 1000);
    assert.equal(await shown(page, "Queued messages", 'n8 "q"').textContent(), "8");
    assert.equal(await page.locator("article", { hasText: "Queued messages" }).locator("li").count(), 6);
    await page.locator("article", { hasText: "Dropped messages" }).locator("small", { hasText: "none" }).waitFor();
    assert.equal(await shown(page, "Queued messages", "others").textContent(), "6");
    assert.deepEqual(errors, []);
  },

  async "what is wrong is said"() {
    const answers = [
      [{ status: 401, body: "" }, "Not logged in"],
      [{ status: 403, body: "the permission `metrics.read` is missing" }, "Not allowed"],
      [{ body: "<html>a page of a flow</html>" }, "No metrics"],
      [{ body: metrics(["ferrowire_flow_problems 2"]) }, "The flows have problems"],
      [{ body: "ferrowire_flows_running 0\n" }, "The flows do not run"],
      [{ body: metrics(["ferrowire_draining 1"]) }, "Ending"],
    ];
    for (const [answer, text] of answers) {
      const { page } = await open({ answer: (route) => route.fulfill(answer) });
      await page.locator("#state", { hasText: text }).waitFor();
      assert.equal(await page.locator("#login").isVisible(), answer.status === 401);
      await page.context().close();
    }
    const { page } = await open({ answer: (route) => route.abort() });
    await page.locator("#state", { hasText: "The runtime does not answer" }).waitFor();
  },

  async "every text is translated, with its values"() {
    everyTextIsTranslated("metrics_page", 40, [/\b(?:title|as): ("[^"]*")/g, /showState\("\w+", ("[^"]*")/g]);
  },

  async "the page is in the language of the browser, and fits a narrow screen"() {
    for (const [locale, text] of [["de", "Die Flows laufen"], ["ja", "フローは動作中"], ["zh-CN", "流程正在运行"]]) {
      const { page } = await open({ locale });
      await page.locator("#state", { hasText: text }).waitFor();
      await page.setViewportSize({ width: 320, height: 640 });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
      await page.context().close();
    }
  },
};

let passed = 0, failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    passed++;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n        ${String(error.message).replaceAll("\n", "\n        ")}`);
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

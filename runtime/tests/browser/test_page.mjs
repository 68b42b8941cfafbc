// Tests the WebSocket test page of a running runtime in Chromium.
//
// The runtime must run the flows of examples/echo and examples/chat.
//   FERROWIRE_URL   its base URL, default http://127.0.0.1:1880
//   CHROMIUM        the browser, default /usr/bin/chromium
//   ONLY            run only the tests whose name contains this text
//
// Every wait is for an event or a state of the page, with a timeout; nothing sleeps.
import { chromium } from "playwright-core";
import assert from "node:assert/strict";

const base = (process.env.FERROWIRE_URL ?? "http://127.0.0.1:1880").replace(/\/$/, "");
const host = new URL(base).host;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

/** A test page in a separate context, and its console errors. */
async function openPage(query = "", { expectError, prepare } = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 } });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (line) => {
    if (line.type() === "error" && !expectError?.test(line.text())) errors.push(line.text());
  });
  await prepare?.(page);
  const response = await page.goto(`${base}/ferrowire/test${query}`);
  assert.equal(response.status(), 200, "the page is served");
  return { page, errors, response };
}

const ui = {
  state: (page) => page.locator("#state"),
  entries: (page, way) => page.locator(`#log .entry.${way}`),
  async waitForState(page, text) {
    await page.locator("#state", { hasText: text }).waitFor();
  },
  async connect(page, path) {
    await page.getByLabel("WebSocket URL").fill(`ws://${host}${path}`);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await ui.waitForState(page, "Connected");
  },
  async send(page, text) {
    await page.getByLabel("Message", { exact: true }).fill(text);
    await page.getByLabel("Message", { exact: true }).press("Control+Enter");
  },
  async sendHex(page, text) {
    await page.getByLabel("Binary (hex)").check();
    await ui.send(page, text);
  },
  async received(page, text) {
    await ui.entries(page, "received").filter({ hasText: text }).first().waitFor();
  },
};

const tests = {
  async "the page is served with a policy that forbids everything from elsewhere"({ response }) {
    assert.match(response.headers()["content-security-policy"] ?? "", /default-src 'none'/);
  },

  async "the title names the product and the page"({ page }) {
    assert.equal(await page.title(), "Ferrowire: WebSocket test");
  },

  async "the listeners of the running flow are offered and fill in the address"({ page }) {
    await page.getByRole("button", { name: "/ws/chat" }).click();
    assert.equal(await page.getByLabel("WebSocket URL").inputValue(), `ws://${host}/ws/chat`);
    await page.getByRole("button", { name: "/ws/echo" }).click();
    assert.equal(await page.getByLabel("WebSocket URL").inputValue(), `ws://${host}/ws/echo`);
    assert.equal(await page.getByRole("button", { name: "/ws/echo" }).getAttribute("aria-pressed"), "true");
  },

  async "without the list of listeners the page still connects"({ page }) {
    await page.route("**/ferrowire/listeners", (route) => route.fulfill({ status: 200, body: "not JSON" }));
    await page.reload();
    assert.equal(await page.locator("#listeners").isVisible(), false);
    await ui.connect(page, "/ws/echo");
  },

  async "a text is sent and its echo is shown with time, kind and size"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.send(page, "Grüße\nund mehr");
    await ui.received(page, "Grüße");
    const row = ui.entries(page, "received").first();
    assert.equal(await row.locator("pre").textContent(), "Grüße\nund mehr");
    assert.match(await row.locator("time").textContent(), /^\d\d:\d\d:\d\d\.\d{3}$/);
    assert.equal(await row.locator(".meta").textContent(), "text · 16 B");
    assert.equal(await ui.entries(page, "sent").count(), 1);
  },

  async "markup from a peer is shown as text"({ page }) {
    const markup = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;
    await ui.connect(page, "/ws/echo");
    await ui.send(page, markup);
    await ui.received(page, "<img");
    assert.equal(await ui.entries(page, "received").locator("pre").textContent(), markup);
    assert.equal(await page.locator("#log img, #log script").count(), 0);
    assert.equal(await page.title(), "Ferrowire: WebSocket test");
  },

  async "hex is sent as binary and shown as a dump"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.sendHex(page, " 00 01,fF:7e\n0x41 42-43 ");
    await ui.received(page, "00 01 ff 7e 41 42 43");
    const row = ui.entries(page, "received").first();
    assert.equal(await row.locator(".meta").textContent(), "binary · 7 B");
    assert.match(await row.locator("pre").textContent(), /^0000 {2}00 01 ff 7e 41 42 43 +\.\.\.~ABC$/);
  },

  async "bad hex is refused with the character and its place"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.sendHex(page, "01 0g");
    assert.match(await page.locator("#send-error").textContent(), /`g` at character 5/);
    await ui.send(page, "012");
    assert.match(await page.locator("#send-error").textContent(), /3 hex digits make no whole bytes/);
    assert.equal(await ui.entries(page, "sent").count(), 0);
    assert.equal(await page.getByLabel("Message", { exact: true }).inputValue(), "012");
  },

  async "JSON is formatted, or shown as it came"({ page }) {
    const json = `{"id":12345678901234567890,"list":[1,{"a":"x, {y}"}],"none":{}}`;
    await ui.connect(page, "/ws/echo");
    await ui.send(page, json);
    await ui.received(page, "12345678901234567890");
    const shown = ui.entries(page, "received").locator("pre");
    const lines = ["{", `  "id": 12345678901234567890,`, `  "list": [`, "    1,", "    {", `      "a": "x, {y}"`, "    }", "  ],", `  "none": {}`, "}"];
    assert.equal(await shown.textContent(), lines.join("\n"));
    await page.getByLabel("Format JSON").uncheck();
    assert.equal(await shown.textContent(), json);
  },

  async "arrow up and down walk through what was sent, and Escape returns to the draft"({ page }) {
    const field = page.getByLabel("Message", { exact: true });
    await ui.connect(page, "/ws/echo");
    for (const text of ["one", "two"]) await ui.send(page, text);
    await field.fill("draft");
    await field.press("ArrowUp");
    assert.equal(await field.inputValue(), "two");
    await field.press("ArrowUp");
    assert.equal(await field.inputValue(), "one");
    await field.press("ArrowDown");
    await field.press("ArrowDown");
    assert.equal(await field.inputValue(), "draft");
    await field.press("ArrowUp");
    await field.press("Escape");
    assert.equal(await field.inputValue(), "draft");
  },

  async "the last message is repeated"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.send(page, "again");
    await page.getByRole("button", { name: "Repeat last" }).click();
    await ui.entries(page, "received").nth(1).waitFor();
    assert.deepEqual(await ui.entries(page, "received").locator("pre").allTextContents(), ["again", "again"]);
  },

  async "disconnecting shows the close code and its meaning"({ page }) {
    await ui.connect(page, "/ws/echo");
    await page.getByRole("button", { name: "Disconnect" }).click();
    await ui.waitForState(page, "Closed: 1000");
    assert.match(await ui.state(page).textContent(), /normal closure/);
    assert.equal(await page.getByRole("button", { name: "Send" }).isDisabled(), true);
  },

  "a server's close code, reason and the code's meaning are shown": Object.assign(
    async ({ page }) => {
      await ui.connect(page, "/made/up");
      await ui.send(page, "bye");
      await ui.waitForState(page, "Closed: 4001");
      assert.match(await ui.state(page).textContent(), /session ended.*code of the application/);
      assert.match(await ui.entries(page, "bad").textContent(), /Closed with code 4001 .*reason: session ended/);
    },
    { prepare: (page) => page.routeWebSocket(/\/made\/up$/, (ws) => {
      ws.onMessage(() => void ws.close({ code: 4001, reason: "session ended" }));
    }) },
  ),

  "a path that nothing listens on is named": Object.assign(
    async ({ page }) => {
      await page.getByLabel("WebSocket URL").fill(`ws://${host}/nothing/here`);
      await page.getByRole("button", { name: "Connect", exact: true }).click();
      await ui.waitForState(page, "Could not connect");
      assert.match(await ui.entries(page, "bad").textContent(), /\/nothing\/here.*1006/);
    },
    { expectError: /WebSocket connection to .*\/nothing\/here/ },
  ),

  async "a bad address and a bad subprotocol are refused in words"({ page }) {
    const connect = page.getByRole("button", { name: "Connect", exact: true });
    await page.getByLabel("WebSocket URL").fill("ftp://x/y");
    await connect.click();
    assert.match(await page.locator("#connect-error").textContent(), /starts with ws:\/\/ or wss:\/\//);
    await page.getByLabel("WebSocket URL").fill(`ws://${host}/ws/echo`);
    await page.getByLabel("Subprotocols").fill("mqtt, two words");
    await connect.click();
    assert.match(await page.locator("#connect-error").textContent(), /`two words`/);
  },

  async "the first subprotocol that is offered is agreed on and shown"({ page }) {
    await page.getByLabel("Subprotocols").fill(" mqtt , json ");
    await ui.connect(page, "/ws/echo");
    await ui.waitForState(page, "subprotocol mqtt");
  },

  "the query gives address, message and preferences": Object.assign(
    async ({ page }) => {
      await ui.waitForState(page, "Connected");
      assert.equal(await page.getByLabel("WebSocket URL").inputValue(), `ws://${host}/ws/chat`);
      assert.equal(await page.getByLabel("Message", { exact: true }).inputValue(), "hello");
      assert.equal(await page.getByLabel("Format JSON").isChecked(), false);
    },
    { query: "?url=/ws/chat&message=hello&pretty=0&connect=1" },
  ),

  async "the log keeps its last 1,000 entries and says so"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.send(page, "many");
    const repeat = page.getByRole("button", { name: "Repeat last" });
    await repeat.evaluate((button) => { for (let i = 0; i < 600; i++) button.click(); });
    await page.locator("#counts", { hasText: "↓ 601" }).waitFor();
    assert.equal(await page.locator("#log .entry").count(), 1000);
    assert.match(await page.locator("#dropped").textContent(), /last 1,000 entries; \d+ older entries were dropped/);
  },

  async "the log follows its end until the reader scrolls up"({ page, another }) {
    const log = page.locator("#log");
    const atEnd = () => log.evaluate((l) => l.scrollHeight - l.scrollTop - l.clientHeight < 32);
    const other = await another();
    await ui.connect(page, "/ws/chat");
    await ui.connect(other, "/ws/chat");
    await ui.send(other, Array.from({ length: 80 }, (_, i) => `line ${i}`).join("\n"));
    await ui.received(page, "line 79");
    assert.equal(await atEnd(), true);
    await log.evaluate((l) => new Promise((done) => {
      l.addEventListener("scroll", () => requestAnimationFrame(done), { once: true });
      l.scrollTop = 0;
    }));
    await ui.send(other, "unseen");
    await page.getByRole("button", { name: "1 new entry" }).waitFor();
    assert.equal(await log.evaluate((l) => l.scrollTop), 0);
    await page.getByRole("button", { name: "1 new entry" }).click();
    assert.equal(await atEnd(), true);
  },

  async "the log is copied as text and cleared"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.send(page, "to be copied");
    await ui.received(page, "to be copied");
    await page.getByRole("button", { name: "Copy log" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /T[\d:.]+Z {2}sent {2}text {2}12 B {2}to be copied\n/);
    assert.match(copied, /received {2}text {2}12 B {2}to be copied\n/);
    await page.getByRole("button", { name: "Clear" }).first().click();
    assert.equal(await page.locator("#log .entry").count(), 0);
  },

  async "two pages chat with each other"({ page, another }) {
    const other = await another();
    await ui.connect(page, "/ws/chat");
    await ui.connect(other, "/ws/chat");
    await ui.send(page, "hello from one");
    await ui.received(other, "hello from one");
    await ui.received(page, "hello from one");
    await ui.send(other, "hello from two");
    await ui.received(page, "hello from two");
  },

  async "the running flow shows the status of its nodes"({ page }) {
    await page.locator("#flow").waitFor();
    await ui.connect(page, "/ws/echo");
    await page.locator("#statuses li", { hasText: /connected \d/ }).first().waitFor();
  },

  async "everything is reached by keyboard, from the address to the message"({ page }) {
    await page.getByLabel("WebSocket URL").fill(`ws://${host}/ws/echo`);
    await page.keyboard.press("Enter");
    await ui.waitForState(page, "Connected");
    await page.keyboard.type("typed");
    await page.keyboard.press("Control+Enter");
    await ui.received(page, "typed");
  },

  async "a narrow screen shows everything without scrolling sideways"({ page }) {
    await page.setViewportSize({ width: 320, height: 640 });
    await ui.connect(page, "/ws/echo");
    await ui.send(page, "x".repeat(300));
    await ui.received(page, "xxx");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  },
};

let passed = 0, failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
  const opened = [];
  try {
    const first = await openPage(test.query, test);
    opened.push(first);
    const another = async () => {
      const next = await openPage();
      opened.push(next);
      return next.page;
    };
    await test({ ...first, another });
    assert.deepEqual(opened.flatMap((o) => o.errors), [], "console errors");
    passed++;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n        ${String(error.message).replaceAll("\n", "\n        ")}`);
  } finally {
    for (const { page } of opened) await page.context().close();
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

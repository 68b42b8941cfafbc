// Tests the dashboards from npm in Chromium: a button reaches a client of a native listener through a native function,
// and a message of the client reaches the dashboard.
//
// The runtime must run dashboards.json with the packages of crates/hosted/tests/packages, and both dashboards must have started.
//   FERROWIRE_URL   its base URL
//   CHROMIUM        the browser, default /usr/bin/chromium
import { chromium } from "playwright-core";
import assert from "node:assert/strict";

const base = process.env.FERROWIRE_URL.replace(/\/$/, "");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

/** A page of the runtime's origin with a WebSocket client; its `next` is the next message. */
async function openClient(context) {
  const page = await context.newPage();
  await page.goto(`${base}/ferrowire/test`);
  await page.evaluate((url) => {
    window.messages = [];
    window.client = new WebSocket(url);
    window.client.onmessage = ({ data }) => window.messages.push(data);
    return new Promise((resolve) => { window.client.onopen = resolve; });
  }, `${base.replace("http", "ws")}/ws`);
  return {
    next: async () => (await page.waitForFunction(() => window.messages.shift())).jsonValue(),
    send: (text) => page.evaluate((it) => window.client.send(it), text),
  };
}

const context = await browser.newContext();
context.setDefaultTimeout(30000);
const client = await openClient(context);
for (const [name, path] of [["new", "/dashboard/page1"], ["old", "/ui"]]) {
  const page = await context.newPage();
  assert.ok((await page.goto(`${base}${path}`)).ok());
  await page.getByText(`${name} press`).click();
  assert.equal(await client.next(), `native: ${name} pressed`);
  await client.send("42");
  await page.getByText("42").first().waitFor();
  if (name === "old") await page.locator("ui-gauge, .nr-dashboard-gauge").getByText("42").first().waitFor();
  console.log(`ok: ${path}`);
}
await browser.close();

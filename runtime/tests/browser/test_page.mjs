// Tests the WebSocket test page of a running runtime in Chromium.
//
// The runtime must run the flows of examples/echo, examples/chat and this folder.
//   FERROWIRE_URL   its base URL, default http://127.0.0.1:1880
//   CHROMIUM        the browser, default /usr/bin/chromium
//   ONLY            run only the tests whose name contains this text
//
// Every wait is for an event or a state of the page, with a timeout; nothing sleeps.
import { chromium } from "playwright-core";
import assert from "node:assert/strict";
import { everyTextIsTranslated } from "./texts.mjs";

const base = (process.env.FERROWIRE_URL ?? "http://127.0.0.1:1880").replace(/\/$/, "");
const host = new URL(base).host;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

/** A test page in a separate context, and its console errors. */
async function openPage(query = "", { expectError, prepare, device } = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, locale: "en-US", ...device });
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

/** The server of a WebSocket is made up, which only works without a worker. */
async function routeWebSocket(page, url, serve) {
  await page.addInitScript(() => { delete window.Worker; });
  await page.routeWebSocket(url, serve);
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
    { prepare: (page) => routeWebSocket(page, /\/made\/up$/, (ws) => {
      ws.onMessage(() => void ws.close({ code: 4001, reason: "session ended" }));
    }) },
  ),

  "a path that nothing listens on is named": Object.assign(
    async ({ page }) => {
      await page.getByLabel("WebSocket URL").fill(`ws://${host}/nothing/here`);
      await page.getByRole("button", { name: "Connect", exact: true }).click();
      await ui.waitForState(page, "Could not connect");
      await page.locator("#log .bad", { hasText: "Nothing listens on the path `/nothing/here`" }).waitFor();
      assert.match(await ui.entries(page, "bad").textContent(), /\/nothing\/here \(code 1006\)/);
    },
    { expectError: /\/nothing\/here|status of 404/ },
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
    // In parts: of a flood that comes between two frames, the page shows less than the log holds.
    for (let sent = 101; sent <= 1101; sent += 100) {
      await repeat.evaluate((button) => { for (let i = 0; i < 100; i++) button.click(); });
      await page.locator("#counts", { hasText: `↓ ${sent.toLocaleString("en")} ` }).waitFor();
    }
    assert.equal(await page.locator("#log .entry").count(), 1000);
    assert.match(await page.locator("#dropped").textContent(), /last 1,000 entries; \d+ older were dropped/);
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

  async "a flood leaves the page usable: the newest are shown, the others are counted"({ page }) {
    await ui.connect(page, "/ws/flood");
    await page.evaluate(() => {
      window.drawn = 0;
      new MutationObserver((changes) => {
        for (const change of changes) window.drawn += change.addedNodes.length;
      }).observe(document.getElementById("log"), { childList: true });
    });
    await ui.send(page, "20000");
    await page.locator("#counts", { hasText: "↓ 20,000" }).waitFor();
    await ui.received(page, `"n": 19999`);
    assert.match(await page.locator("#dropped").textContent(), /[\d,]+ messages came too fast to be shown\./);
    assert.match(await ui.entries(page, "gap").last().textContent(), /[\d,]+ messages? (is|are) not shown/);
    const drawn = await page.evaluate(() => window.drawn);
    assert.ok(drawn < 5000, `${drawn} rows were drawn`);
    // Without an end: the button still answers.
    await ui.send(page, "2000000");
    await page.locator("#counts", { hasText: "↓ 3" }).waitFor();
    await page.getByRole("button", { name: "Disconnect" }).click();
    await ui.waitForState(page, "Closed: 1000");
  },

  async "a message is labelled as text, JSON or binary"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.send(page, `{"a":1}`);
    await ui.send(page, "[1,");
    await ui.sendHex(page, "00");
    await ui.entries(page, "received").nth(2).waitFor();
    const labels = await ui.entries(page, "received").locator(".meta").allTextContents();
    assert.deepEqual(labels, ["JSON · 7 B", "text · 3 B", "binary · 1 B"]);
  },

  async "a large message is shortened, says so, and expands"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.send(page, "x".repeat(10_000));
    await ui.received(page, "xxx");
    const row = ui.entries(page, "received").first();
    assert.equal(await row.locator(".meta").textContent(), "text · 9.8 KiB · shortened");
    await row.getByRole("button", { name: "Show all 10,000 characters" }).click();
    assert.equal((await row.locator("pre").textContent()).length, 10_000);
    assert.equal(await row.locator(".meta").textContent(), "text · 9.8 KiB");
    await row.getByRole("button", { name: "Show less" }).click();
    assert.equal((await row.locator("pre").textContent()).length, 4096);
  },

  "a connection that a restart or a deploy ends is made again, and its end by the user is not": Object.assign(
    async ({ page }) => {
      await ui.connect(page, "/made/again");
      for (let i = 1; i < 3; i++) {
        await ui.send(page, "restart");
        await page.locator("#log .info", { hasText: "Connected" }).nth(i).waitFor();
        await ui.waitForState(page, "Connected");
      }
      await ui.send(page, "gone");
      await ui.waitForState(page, "Reconnecting");
      await page.getByRole("button", { name: "Stop" }).click();
      await ui.waitForState(page, "Not connected");
    },
    { expectError: /WebSocket/, prepare: async (page) => {
      let gone = false;
      await routeWebSocket(page, /\/made\/again$/, (ws) => {
        if (gone) return void ws.close({ code: 1012 });
        ws.onMessage((text) => {
          gone = text === "gone";
          void ws.close({ code: gone ? 1001 : 1012, reason: "" });
        });
      });
    } },
  ),

  "a refused subprotocol is named with the one that the listener speaks": Object.assign(
    async ({ page }) => {
      await page.getByLabel("WebSocket URL").fill(`ws://${host}/ws/versioned`);
      await page.getByLabel("Subprotocols").fill("chat.v9");
      await page.getByRole("button", { name: "Connect", exact: true }).click();
      await page.locator("#log .bad", { hasText: "The listener speaks the subprotocol `chat.v1`" }).waitFor();
      await page.getByLabel("Subprotocols").fill("chat.v1");
      await page.getByRole("button", { name: "Connect", exact: true }).click();
      await ui.waitForState(page, "subprotocol chat.v1");
    },
    { expectError: /\/ws\/versioned|status of 4/ },
  ),

  "an unknown host, a certificate and a wrong scheme are told apart as far as the browser does": Object.assign(
    async ({ page }) => {
      for (const [url, text] of [
        ["ws://nowhere.invalid/x", "the host is unknown, or nothing accepts connections at this port. The browser does not say which"],
        ["wss://nowhere.invalid/x", "or the browser refused the certificate. It does not tell a page which"],
        ["ws://127.0.0.1:1/x", "Nothing accepts connections at `127.0.0.1:1`"],
        ["wss://plain.invalid/x", "`plain.invalid` answers without TLS only"],
        ["ws://secure.invalid/x", "`secure.invalid` answers with TLS only"],
        ["wss://web.invalid/x", "name, port and certificate are right, so the WebSocket handshake was refused"],
      ]) {
        await page.getByLabel("WebSocket URL").fill(url);
        await page.getByRole("button", { name: "Connect", exact: true }).click();
        await page.locator("#log .bad", { hasText: text }).first().waitFor();
        await page.locator("#state[data-state=bad]").waitFor();
      }
      assert.equal(await page.locator("#log .bad a").first().getAttribute("href"), "https://nowhere.invalid/x");
    },
    { expectError: /invalid|127\.0\.0\.1:1|Failed to load/, prepare: async (page) => {
      const answer = (route) => route.fulfill({ status: 404, body: "" });
      await page.route("http://plain.invalid/**", answer);
      await page.route("https://secure.invalid/**", answer);
      await page.route("https://web.invalid/**", answer);
    } },
  ),

  "with a login the page uses the editor's, and says where to get one": Object.assign(
    async ({ page }) => {
      await page.locator("#login", { hasText: "shown after a login" }).waitFor();
      assert.equal(await page.locator("#listeners").isVisible(), false);
      await page.evaluate(() => {
        localStorage.setItem("auth-tokens-old", "no JSON");
        localStorage.setItem("auth-tokens-editor", JSON.stringify({ access_token: "secret" }));
      });
      await page.reload();
      await page.getByRole("button", { name: "/ws/behind" }).waitFor();
      await page.locator("#statuses li", { hasText: "inside" }).waitFor();
      assert.equal(await page.locator("#login").isVisible(), false);
    },
    { expectError: /status of 401/, prepare: async (page) => {
      const guard = (type, body) => (route, request) => request.headers().authorization === "Bearer secret"
        ? route.fulfill({ status: 200, contentType: type, body })
        : route.fulfill({ status: 401, body: "" });
      await page.route("**/ferrowire/listeners", guard("application/json", JSON.stringify([{ path: "/ws/behind" }])));
      const status = { topic: "status", node: { id: "n", type: "websocket in" }, data: { fill: "green", shape: "dot", text: "inside" } };
      await page.route("**/ferrowire/events", guard("text/event-stream", `data: ${JSON.stringify(status)}\n\n`));
    } },
  ),

  async "a token is sent where it is to be, and kept out of the address, the log and the storage"({ page }) {
    const tell = async () => {
      await ui.send(page, "tell");
      await ui.entries(page, "received").last().filter({ hasText: `"got": "tell"` }).waitFor();
      return JSON.parse(await ui.entries(page, "received").last().locator("pre").textContent());
    };
    const again = async (kind, name) => {
      await page.getByRole("button", { name: "Clear" }).first().click();
      await page.getByLabel("How it is sent").selectOption(kind);
      if (name !== undefined) await page.getByLabel("Name").fill(name);
      await page.getByLabel("Token", { exact: true }).fill("s3cret");
      await page.getByRole("button", { name: "Switch" }).click();
      await page.locator("#log .info", { hasText: "Connected" }).waitFor();
    };
    await ui.connect(page, "/ws/details");
    await page.locator("#token-box summary").click();
    await again("query", "access");
    assert.deepEqual((await tell()).query, { access: "s3cret" });
    await again("cookie", "");
    assert.equal((await tell()).cookies.token, "s3cret");
    await page.getByLabel("Subprotocols").fill("chat");
    await again("subprotocol");
    assert.equal((await tell()).offered, "chat, bearer.s3cret");
    await page.getByLabel("Subprotocols").fill("");
    await again("message");
    await ui.received(page, `"got": "s3cret"`);
    await page.locator("#log .info", { hasText: "The token was sent as the first message" }).waitFor();
    assert.equal(await page.getByLabel("WebSocket URL").inputValue(), `ws://${host}/ws/details`);
    assert.equal(await ui.entries(page, "sent").count(), 0);
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]));
    assert.doesNotMatch(kept, /s3cret/);
  },

  async "a token that cannot be sent that way is refused in words"({ page }) {
    await page.getByLabel("WebSocket URL").fill(`ws://${host}/ws/details`);
    await page.locator("#token-box summary").click();
    await page.getByLabel("How it is sent").selectOption("subprotocol");
    await page.getByLabel("Token", { exact: true }).fill("two words");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.locator("#connect-error", { hasText: "send it another way" }).waitFor();
    await page.getByLabel("Token", { exact: true }).fill("one");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.locator("#connect-error", { hasText: "enter one under Subprotocols" }).waitFor();
    await page.getByLabel("How it is sent").selectOption("cookie");
    await page.getByLabel("WebSocket URL").fill("ws://elsewhere.invalid/x");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.locator("#connect-error", { hasText: "its own host only" }).waitFor();
  },

  async "the extensions that were agreed on are shown, and the sizes of messages as they were before"({ page }) {
    await ui.connect(page, "/ws/deflate");
    await ui.waitForState(page, "extensions permessage-deflate");
    await page.locator("#log .info", { hasText: "Connected, extensions permessage-deflate" }).waitFor();
    await ui.send(page, "x".repeat(2048));
    await ui.received(page, "xxx");
    assert.equal(await ui.entries(page, "received").locator(".meta").textContent(), "text · 2.0 KiB");
  },

  async "round trips are measured, and a flow that does not answer is said"({ page }) {
    await ui.connect(page, "/ws/echo");
    await page.getByLabel("Message", { exact: true }).fill("x".repeat(1024));
    await page.getByRole("button", { name: "Round trip" }).click();
    await page.locator("#log .info", { hasText: "Measuring 20 round trips of 1.0 KiB" }).waitFor();
    await page.locator("#log .info", { hasText: /20 round trips: [\d.]+ ms at least, [\d.]+ ms in the middle, [\d.]+ ms at most/ }).waitFor();
    await page.locator("#measure:not(:disabled)").waitFor();
    await page.locator("#counts", { hasText: "↑ 20 (20.0 KiB) ↓ 20 (20.0 KiB)" }).waitFor();
    await page.getByRole("button", { name: "Round trip" }).click();
    await page.getByRole("button", { name: "Disconnect" }).click();
    await ui.waitForState(page, "Closed: 1000");
  },

  async "what was sent is replayed in its order, over a new connection too"({ page }) {
    await ui.connect(page, "/ws/echo");
    await ui.send(page, "one");
    await ui.sendHex(page, "02 03");
    await ui.entries(page, "received").nth(1).waitFor();
    await page.getByRole("button", { name: "Disconnect" }).click();
    await ui.waitForState(page, "Closed: 1000");
    await page.getByRole("button", { name: "Replay" }).click();
    await page.locator("#log .bad", { hasText: "connect first, then replay" }).waitFor();
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await ui.waitForState(page, "Connected");
    await page.getByRole("button", { name: "Replay" }).click();
    await page.locator("#log .info", { hasText: "Sending 2 messages again" }).waitFor();
    await ui.entries(page, "received").nth(3).waitFor();
    const labels = await ui.entries(page, "received").locator(".meta").allTextContents();
    assert.deepEqual(labels, ["text · 3 B", "binary · 2 B", "text · 3 B", "binary · 2 B"]);
    await page.getByRole("button", { name: "Replay" }).waitFor();
  },

  async "the sessions of the listener are shown, and who comes and goes"({ page, another }) {
    await page.getByRole("button", { name: "/ws/details" }).click();
    await page.locator("#sessions-title", { hasText: "/ws/details · 0 sessions, 0 rooms" }).waitFor();
    await ui.connect(page, "/ws/details");
    await page.locator("#sessions-title", { hasText: "1 session," }).waitFor();
    assert.match(await page.locator("#session-list li").textContent(), /\/ws\/details · 127\.0\.0\.1:\d+ · \d+ s/);
    await page.getByRole("button", { name: "Ping" }).click();
    await page.locator("#session-list button", { hasText: /^[\d.]+ ms$/ }).waitFor();
    const other = await another();
    await ui.connect(other, "/ws/details");
    await page.locator("#sessions-title", { hasText: "2 sessions" }).waitFor();
    await other.getByRole("button", { name: "Disconnect" }).click();
    await page.locator("#sessions-title", { hasText: "1 session," }).waitFor();
    await page.locator("#flow-log .entry .head", { hasText: "disconnected" }).waitFor();
  },

  async "nodes without a name are named by their path"({ page }) {
    await page.getByLabel("Subprotocols").fill("chat.v1");
    await ui.connect(page, "/ws/versioned");
    const row = page.locator("#statuses li", { hasText: "/ws/versioned" }).first();
    await row.waitFor();
    assert.match(await row.locator(".who").getAttribute("title"), /^Test page · websocket (in|out) · page-versioned/);
  },

  "the page speaks the language of the browser": Object.assign(
    async ({ page, open }) => {
      await page.getByRole("button", { name: "Verbinden", exact: true }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
      for (const [language, button] of [["ja", "接続"], ["zh-CN", "连接"], ["fr", "Connect"]]) {
        const other = await open(`?lang=${language}`, { device: { locale: "en-US" } });
        await other.getByRole("button", { name: button, exact: true }).waitFor();
      }
    },
    { device: { locale: "de-AT" } },
  ),

  async "every text is translated, with its values"() {
    everyTextIsTranslated("test_page", 100);
  },

  "on a phone everything is reached by a finger": Object.assign(
    async ({ page }) => {
      await ui.connect(page, "/ws/echo");
      for (const text of ["one", "two"]) {
        await page.getByLabel("Message", { exact: true }).fill(text);
        await page.getByRole("button", { name: "Send", exact: true }).tap();
      }
      await ui.received(page, "two");
      await page.getByRole("button", { name: "Earlier" }).tap();
      await page.getByRole("button", { name: "Earlier" }).tap();
      assert.equal(await page.getByLabel("Message", { exact: true }).inputValue(), "one");
      const small = await page.locator("button:visible").evaluateAll((buttons) =>
        buttons.filter((b) => b.getBoundingClientRect().height < 44).map((b) => b.textContent));
      assert.deepEqual(small, []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    },
    { device: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } },
  ),

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
    const open = async (query, options) => {
      const next = await openPage(query, options);
      opened.push(next);
      return next.page;
    };
    await test({ ...first, open, another: () => open() });
    assert.deepEqual(opened.flatMap((o) => o.errors), [], "console errors");
    passed++;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    const state = await opened[0]?.page.locator("#state").textContent().catch(() => "unknown");
    console.log(`FAILED  ${name}\n        ${String(error.message).replaceAll("\n", "\n        ")}\n        state: ${state}`);
  } finally {
    for (const { page } of opened) await page.context().close();
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

// Drives the Node-RED editor, served by the real program, in a real Chromium.
//
//   npm ci && node editor.mjs
//
//   FERROWIRE     the program, default target/debug/ferrowire
//   CHROMIUM      the browser, default /usr/bin/chromium
//   ONLY          run only the tests whose name contains this text
//   SCREENSHOTS   a folder for pictures of the palette, a flow and the debug sidebar
//
// Every wait is for an event or a state of the page and ends with a time-out; nothing sleeps.
import assert from "node:assert/strict";
import { join } from "node:path";
import { closeBrowser, openEditor } from "./page.mjs";
import { connect, hashPassword, startRuntime } from "./runtime.mjs";

const tab = { id: "f000000000000001", type: "tab", label: "Flow 1", disabled: false, info: "", env: [] };
const at = (id, type, x, y, more) => ({ id, type, z: tab.id, name: "", x, y, ...more });
const inject = (id, payload, to, y = 80) => at(id, "inject", 140, y, {
  props: [{ p: "payload" }, { p: "topic", vt: "str" }], repeat: "", crontab: "", once: false,
  onceDelay: 0.1, topic: "news", payload, payloadType: "str", wires: [[to]],
});
const debug = (id, y = 80) => at(id, "debug", 420, y, {
  active: true, tosidebar: true, console: false, tostatus: false, complete: "payload",
  targetType: "msg", statusVal: "", statusType: "auto", wires: [],
});
const listener = { id: "c000000000000001", type: "websocket-listener", path: "/ws/news", wholemsg: "false" };

async function picture(editor, name) {
  if (process.env.SCREENSHOTS) {
    await editor.page.locator(".red-ui-notification").first().waitFor({ state: "hidden" });
    await editor.page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
  }
}

const tests = {
  async "an echo flow is drawn, deployed, and answers"({ runtime, editor }) {
    const input = await editor.drag("websocket in", 160, 120);
    const output = await editor.drag("websocket out", 460, 120);
    await editor.openDialog(input);
    await editor.page.locator("#node-input-btn-server-add, #node-input-lookup-server").first().click();
    await editor.page.locator("#node-config-input-path").fill("/ws/echo");
    await editor.page.locator("#node-config-dialog-ok").click();
    await editor.page.locator("#node-config-dialog-ok").waitFor({ state: "detached" });
    await editor.closeDialog();
    await editor.openDialog(output);
    await editor.page.locator("#node-input-server").selectOption({ label: "/ws/echo" });
    await editor.closeDialog();
    await editor.wire(input, output);
    await editor.deploy();

    const client = await connect(`${runtime.url}/ws/echo`);
    client.send("hello");
    assert.equal(await client.next(), "hello");
    await editor.status(input).filter({ hasText: "connected 1" }).waitFor();
    await editor.status(output).filter({ hasText: "connected 1" }).waitFor();
    await picture(editor, "editor-flow");
    client.close();
    await editor.status(input).filter({ hasText: "disconnected" }).waitFor();
    const saved = await runtime.savedFlows();
    assert.deepEqual(saved.find((node) => node.id === input).wires, [[output]]);
  },

  "debug messages appear in the sidebar": {
    flows: [tab, inject("a1", "hello sidebar", "d1"), debug("d1")],
    async run({ runtime, editor }) {
      await editor.showDebug();
      await editor.press("a1");
      await editor.debugMessage("hello sidebar").waitFor();
      const shown = await editor.debugMessage("hello sidebar").innerText();
      assert.match(shown, /news : msg\.payload : string\[13\]/);
      const body = { __user_inject_props__: [
        { p: "payload", v: '{"list":[1,{"a":true}],"text":"x"}', vt: "json" }] };
      const reply = await fetch(`${runtime.url}/inject/a1`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      assert.equal(reply.status, 200);
      await editor.debugMessage("Object").waitFor();
      await editor.debugMessage("Object").locator(".red-ui-debug-msg-object-handle").first().click();
      await editor.debugMessage("array[2]").waitFor();
      await picture(editor, "editor-debug");
    },
  },

  "a node's error appears in the sidebar": {
    flows: [tab, at("w1", "websocket in", 140, 80, { server: "", client: "", wires: [[]] }),
      at("w2", "websocket out", 140, 160, { server: "c1", client: "", wires: [] })],
    async run({ editor }) {
      await editor.showDebug();
      await editor.page.locator("#red-ui-header-button-deploy-options").click();
      await editor.page.locator("#deploymenu-item-reload").click();
      await editor.debugMessage("Missing server configuration").waitFor();
    },
  },

  "an inject button broadcasts to all clients": {
    flows: [tab, listener, inject("a1", "breaking", "o1"),
      at("o1", "websocket out", 420, 80, { server: listener.id, client: "", wires: [] })],
    async run({ runtime, editor }) {
      const clients = await Promise.all([1, 2].map(() => connect(`${runtime.url}/ws/news`)));
      await editor.status("o1").filter({ hasText: "connected 2" }).waitFor();
      await editor.press("a1");
      await editor.notice("Successfully injected").waitFor();
      for (const client of clients) assert.equal(await client.next(), "breaking");
      clients.forEach((client) => client.close());
    },
  },

  "a status is there for an editor that comes later": {
    flows: [tab, listener, at("i1", "websocket in", 140, 80, { server: listener.id, client: "", wires: [[]] })],
    async run({ runtime, editor, another }) {
      const client = await connect(`${runtime.url}/ws/news`);
      await editor.status("i1").filter({ hasText: "connected 1" }).waitFor();
      const later = await another();
      await later.status("i1").filter({ hasText: "connected 1" }).waitFor();
      client.close();
    },
  },

  "a second browser hears of a deploy, and the first does not": {
    flows: [tab, inject("a1", "x", "d1"), debug("d1")],
    async run({ editor, another }) {
      const other = await another();
      await editor.move("a1", 200);
      await editor.deploy();
      await other.notice("The flows on the server have been updated").waitFor();
      assert.equal(await editor.notice("have been updated").count(), 0);
    },
  },

  "a stale deploy is offered to merge": {
    flows: [tab, inject("a1", "x", "d1"), debug("d1")],
    expected: [/status 409/, /409 \(Conflict\)/],
    async run({ runtime, editor, another }) {
      // The first deploy writes the nodes as the editor does.
      await editor.move("a1", 160);
      await editor.deploy();
      const other = await another();
      await editor.move("a1", 200);
      await editor.deploy();
      await other.notice("have been updated").waitFor();
      await other.move("d1", 500);
      await other.page.locator("#red-ui-header-button-deploy").click();
      await other.notice("The server is running a more recent set of flows").waitFor();
      await other.page.locator("#red-ui-deploy-dialog-confirm-deploy-merge:not(.disabled)").click();
      await other.deploy();
      const saved = await runtime.savedFlows();
      assert.deepEqual(saved.filter((n) => n.x).map((n) => n.x), [200, 500]);
    },
  },

  "users log in, and readers cannot deploy": {
    flows: [tab, inject("a1", "x", "d1"), debug("d1")],
    settings: `[admin-auth]\n` + [["adam", "*"], ["rita", "read"]].map(([name, permissions]) =>
      `[[admin-auth.users]]\nusername = "${name}"\npassword = "${hashPassword("password")}"\npermissions = "${permissions}"\n`).join(""),
    expected: [/status 40[13]/, /40[13] \(/],
    before: (page) => logIn(page, { username: "adam", password: "password" }),
    async run({ runtime, editor, open }) {
      await editor.showDebug();
      await editor.press("a1");
      await editor.debugMessage("msg.payload : string[1]").waitFor();
      const reader = await open((page) => logIn(page, { username: "rita", password: "password" }));
      await reader.page.locator(".red-ui-deploy-button-group.readOnly").waitFor();
      const token = await reader.page.evaluate(() => RED.settings.get("auth-tokens").access_token);
      const flows = (method) => fetch(`${runtime.url}/flows`, {
        method, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: method === "POST" ? "[]" : undefined,
      });
      assert.deepEqual([(await flows("GET")).status, (await flows("POST")).status], [200, 401]);
      const anonymous = await fetch(`${runtime.url}/flows`);
      assert.equal(anonymous.status, 401);
    },
  },

  "the access token logs in": {
    flows: [tab, debug("d1")],
    env: { FERROWIRE_ADMIN_TOKEN: "0123456789abcdef" },
    expected: [/status 401/, /401 \(/],
    before: (page) => logIn(page, { password: "0123456789abcdef" }),
    async run({ editor }) {
      await editor.node("d1").waitFor();
    },
  },
};

async function logIn(page, fields) {
  for (const [name, value] of Object.entries(fields)) {
    await page.locator(`#node-dialog-login-${name}`).fill(value);
  }
  await page.locator("#node-dialog-login-submit").click();
}

async function run(test) {
  const runtime = await startRuntime(test);
  const opened = [];
  const open = async (before = test.before) => {
    const editor = await openEditor(runtime.url, { ...test, before });
    opened.push(editor);
    return editor;
  };
  try {
    const editor = await open();
    await test.run({ runtime, editor, open, another: () => open() });
    assert.deepEqual(opened.flatMap((editor) => editor.errors), [], "errors of the page");
  } catch (error) {
    if (process.env.SCREENSHOTS && opened.length) {
      await opened.at(-1).page.screenshot({ path: join(process.env.SCREENSHOTS, "failed.png") });
    }
    throw new Error(`${error.message}\n${runtime.log.slice(-5).join("\n")}`);
  } finally {
    for (const editor of opened) await editor.close();
    await runtime.stop();
  }
}

let passed = 0, failed = 0;
for (const [name, test] of Object.entries({
  async "the editor loads without any error"({ editor }) {
    for (const type of ["websocket in", "websocket out", "inject", "debug", "change"]) {
      await editor.page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`).waitFor();
    }
    await picture(editor, "editor-palette");
  },
  ...tests,
})) {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
  try {
    await run(typeof test === "function" ? { run: test } : test);
    passed++;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n        ${error.message.replaceAll("\n", "\n        ")}`);
  }
}
await closeBrowser();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || passed === 0 ? 1 : 0;

// One user who draws, deploys and tries flows.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { at, debug, inject, listener, tab } from "./flows.mjs";
import { connect } from "./runtime.mjs";

const chat = await readFile(new URL("../../../../examples/chat/flows.json", import.meta.url), "utf8");

/** What no type of this runtime explains, with members in an order of its own. */
const foreign = {
  id: "e000000000000001", type: "from elsewhere", z: JSON.parse(chat)[0].id, zebra: { b: [1.5, null], a: "" },
  name: "kept", apple: "", x: 150, y: 260, wires: [[], []],
};

/** The text of flows without the one that was there before. */
const withoutTab = (flows) => JSON.stringify(flows.filter((node) => node.id !== tab.id));

export default {
  async "an echo flow is drawn, deployed, and answers"({ runtime, editor }) {
    const input = await editor.drag("websocket in", 160, 120);
    const output = await editor.drag("websocket out", 460, 120);
    await editor.openDialog(input);
    await editor.page.locator("#node-input-btn-server-add, #node-input-lookup-server").first().click();
    await editor.page.locator("#node-config-input-path").fill("/ws/echo");
    await editor.closeDialog("#node-config-dialog-ok");
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
    client.close();
    await editor.status(input).filter({ hasText: "disconnected" }).waitFor();
    const saved = await runtime.savedFlows();
    assert.deepEqual(saved.find((node) => node.id === input).wires, [[output]]);
  },

  async "the menu leads to the test page"({ editor }) {
    await editor.page.locator("#red-ui-header-button-sidemenu").click();
    const item = editor.page.locator("#menu-item-help");
    await item.waitFor();
    assert.equal(await item.innerText(), "WebSocket test page");
    assert.equal(await item.getAttribute("href"), "/ferrowire/test");
    await editor.page.keyboard.press("Escape");
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
    },
  },

  async "a node's error appears in the sidebar"({ editor }) {
    await editor.showDebug();
    await editor.drag("websocket out", 300, 120);
    await editor.deploy();
    await editor.debugMessage("Missing server configuration").waitFor();
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

  "a flow is the same after export and import, and runs": {
    async run({ runtime, editor }) {
      const { page } = editor;
      const original = [...JSON.parse(chat), foreign];
      const importFlow = async (text) => {
        await page.evaluate((tab) => {
          RED.nodes.clear();
          // There is always a flow, which nothing is added to when the text brings its own.
          RED.nodes.import([tab]);
          RED.actions.invoke("core:show-import-dialog");
        }, tab);
        await page.locator("#red-ui-clipboard-dialog-import-text").fill(text);
        // The editor looks at the text when a key is let go.
        await page.keyboard.press("End");
        await page.locator("#red-ui-clipboard-dialog-ok:not(.disabled):not(:disabled)").click();
        await page.locator("#red-ui-clipboard-dialog-ok").waitFor({ state: "hidden" });
      };
      const exportFlows = async () => {
        await page.evaluate(() => RED.actions.invoke("core:show-export-dialog"));
        await page.locator("#red-ui-clipboard-dialog-export-rng-full").click();
        await page.locator("#red-ui-clipboard-dialog-export-fmt-mini").click();
        const text = page.locator("#red-ui-clipboard-dialog-export-text");
        await page.waitForFunction(() =>
          document.querySelector("#red-ui-clipboard-dialog-export-text").value.startsWith("[{"));
        const exported = await text.inputValue();
        await page.keyboard.press("Escape");
        await text.waitFor({ state: "hidden" });
        return withoutTab(JSON.parse(exported));
      };
      await importFlow(JSON.stringify(original));
      const exported = await exportFlows();
      assert.equal(exported, JSON.stringify(original));
      await importFlow(exported);
      await editor.page.locator("#red-ui-header-button-deploy").click();
      // The editor asks because of the type that nobody here knows.
      await editor.deploy("#red-ui-deploy-dialog-confirm-deploy-deploy");
      assert.equal(withoutTab(await runtime.savedFlows()), exported);

      await importFlow(chat);
      await editor.deploy();
      const [one, two] = await Promise.all([1, 2].map(() => connect(`${runtime.url}/ws/chat`)));
      one.send("exported");
      assert.equal(await two.next(), "exported");
      [one, two].forEach((client) => client.close());
    },
  },
};

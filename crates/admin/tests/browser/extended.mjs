// Dialogs of Node-RED's that have rows of ours.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { at, client, listener, tab } from "./flows.mjs";
import { openConfig } from "./page.mjs";
import { connect } from "./runtime.mjs";

const limited = {
  ...listener, subprotocol: "", maxMessage: "10", maxQueue: 65536, slowClient: "drop",
};
const input = at("i1", "websocket in", 140, 80, { server: listener.id, client: "", wires: [["o1"]] });
const output = at("o1", "websocket out", 420, 80, { server: listener.id, client: "", wires: [] });
const request = at("r1", "http request", 140, 200, {
  method: "GET", ret: "txt", paytoqs: "ignore", url: "http://127.0.0.1:9/", tls: "", persist: false,
  proxy: "", insecureHTTPParser: false, authType: "", senderr: false, headers: [],
  maxResponse: "1000", wires: [[]],
});

const inject = at("j1", "inject", 140, 80, {
  props: [{ p: "payload" }], repeat: "60", crontab: "", once: false, onceDelay: 0.1, topic: "", payload: "", payloadType: "date",
  wires: [[]],
});
const broker = {
  id: "b1", type: "mqtt-broker", name: "", broker: "127.0.0.1", port: "9", clientid: "", autoConnect: false, usetls: false,
  protocolVersion: "4", keepalive: "60", cleansession: true, autoUnsubscribe: true, birthTopic: "", closeTopic: "", willTopic: "",
};

const find = (nodes, id) => nodes.find((node) => node.id === id);

const field = (page, name) => page.locator(`#node-config-input-${name}`);

async function type(page, name, text) {
  await field(page, name).fill(text);
  // The editor looks at the text when a key is let go.
  await field(page, name).press("End");
}

/** Waits until the shown texts of some rows are these. */
async function rowsShow(page, labels) {
  for (const [name, text] of Object.entries(labels)) {
    await page.locator(`label[for="node-config-input-${name}"]`, { hasText: text }).waitFor();
  }
}

export default {
  "properties that Node-RED lacks survive a deploy without a look at the dialog": {
    flows: [tab, limited, { ...client, maxMessage: 4096, maxQueue: "8192" }, input, output, request],
    async run({ runtime, editor }) {
      await editor.move("i1", 200);
      await editor.deploy();
      const saved = await runtime.savedFlows();
      assert.deepEqual(find(saved, limited.id), limited);
      const { maxMessage, maxQueue } = find(saved, client.id);
      assert.deepEqual([maxMessage, maxQueue], [4096, "8192"]);
      assert.equal(find(saved, "r1").maxResponse, "1000");
    },
  },

  "the largest message of a listener is changed in its dialog, and counts": {
    flows: [tab, limited, input, output],
    async run({ runtime, editor }) {
      const { page } = editor;
      await openConfig(page, limited);
      await rowsShow(page, { maxMessage: "Largest message", maxQueue: "Send queue", slowClient: "Slow client" });
      assert.equal(await field(page, "maxQueue").inputValue(), "65536");
      assert.equal(await field(page, "slowClient").inputValue(), "drop");
      await type(page, "maxMessage", "nothing");
      await page.locator("#node-config-input-maxMessage.input-error").waitFor();
      await type(page, "maxMessage", "20");
      await page.locator("#node-config-input-maxMessage:not(.input-error)").waitFor();
      await editor.closeDialog("#node-config-dialog-ok");
      await editor.deploy();
      const expected = { ...limited, maxMessage: "20" };
      assert.deepEqual(find(await runtime.savedFlows(), limited.id), expected);

      const socket = await connect(`${runtime.url}/ws/news`);
      socket.send("x".repeat(20));
      assert.equal(await socket.next(), "x".repeat(20));
      socket.send("x".repeat(21));
      assert.equal(await socket.closed(), 1009);

      await editor.reload();
      await openConfig(page, limited);
      assert.equal(await field(page, "maxMessage").inputValue(), "20");
      await editor.closeDialog("#node-config-dialog-cancel");
      assert.deepEqual(find(await editor.nodes(), limited.id), expected);
    },
  },

  "a dialog that is closed unchanged adds nothing to a flow from Node-RED": {
    flows: [tab, listener, input, output],
    async run({ editor }) {
      const { page } = editor;
      await openConfig(page, listener);
      await editor.closeDialog("#node-config-dialog-ok");
      assert.deepEqual(find(await editor.nodes(), listener.id), listener);
      assert.equal(await page.evaluate(() => RED.nodes.dirty()), false);
      await openConfig(page, listener);
      await field(page, "slowClient").selectOption("wait");
      await editor.closeDialog("#node-config-dialog-ok");
      assert.deepEqual(find(await editor.nodes(), listener.id), { ...listener, slowClient: "wait" });
    },
  },

  "an inject and a broker are told to be there once in a cluster": {
    flows: [tab, broker, inject],
    async run({ runtime, editor }) {
      const { page } = editor;
      await editor.openDialog(inject.id);
      await page.locator(`label[for="node-input-cluster"]`, { hasText: "In a cluster" }).waitFor();
      await page.locator("#node-input-cluster").selectOption("once");
      await editor.closeDialog();
      await openConfig(page, broker);
      await field(page, "cluster").selectOption("once");
      await editor.closeDialog("#node-config-dialog-ok");
      await editor.deploy();
      const saved = await runtime.savedFlows();
      assert.deepEqual([inject, broker].map(({ id }) => find(saved, id).cluster), ["once", "once"]);
    },
  },

  "Node-RED's part of an extended dialog works as before": {
    flows: [tab, client],
    async run({ editor }) {
      const { page } = editor;
      await openConfig(page, client);
      await page.locator(".red-ui-editableList #node-input-headers-container").waitFor({ state: "attached" });
      await page.locator("#node-config-input-hb-cb").check();
      await field(page, "hb").fill("7");
      await field(page, "maxQueue").fill("1024");
      assert.ok(await page.locator("#node-config-dialog-edit-form > :last-child").evaluate(
        (last) => last.classList.contains("form-tips")));
      await editor.closeDialog("#node-config-dialog-ok");
      const saved = find(await editor.nodes(), client.id);
      assert.deepEqual([saved.hb, saved.maxQueue, saved.headers], ["7", "1024", []]);
    },
  },

  "a client's own properties are set in its dialog, and its token is a credential": {
    flows: [tab, client, { ...input, server: "", client: client.id }, output],
    async run({ runtime, editor }) {
      const { page } = editor;
      await openConfig(page, client);
      const group = (name) => page.locator("#node-config-dialog-edit-form details", { hasText: name });
      for (const name of ["Connecting", "Login", "Messages", "Heartbeat"]) {
        assert.equal(await group(name).getAttribute("open"), null, `${name} is closed`);
        await group(name).locator("summary").click();
      }
      await type(page, "reconnectDelay", "soon");
      await page.locator("#node-config-input-reconnectDelay.input-error").waitFor();
      await type(page, "reconnectDelay", "1");
      await type(page, "reconnectMax", "30");
      await type(page, "stopCodes", "401, x");
      await page.locator("#node-config-input-stopCodes.input-error").waitFor();
      await type(page, "stopCodes", "401, 4000-4099");
      await page.locator("#node-config-input-stopCodes:not(.input-error)").waitFor();
      assert.equal(await field(page, "token").isVisible(), false);
      await field(page, "auth").selectOption("header");
      await field(page, "authName").fill("X-Api-Key");
      await field(page, "token").fill("s3cret");
      assert.equal(await field(page, "user").isVisible(), false);
      await field(page, "open").fill(`[{"op": "subscribe"}]`);
      await type(page, "queue", "100");
      await field(page, "queuePolicy").selectOption("fail");
      await field(page, "hbMessage").fill("ping");
      await editor.closeDialog("#node-config-dialog-ok");
      await editor.deploy();
      const saved = find(await runtime.savedFlows(), client.id);
      const expected = {
        reconnectDelay: "1", reconnectMax: "30", stopCodes: "401, 4000-4099", auth: "header", authName: "X-Api-Key",
        open: `[{"op": "subscribe"}]`, queue: "100", queuePolicy: "fail", hbMessage: "ping",
      };
      assert.deepEqual(saved, { ...client, ...expected });
      await editor.reload();
      await openConfig(page, client);
      assert.notEqual(await group("Login").getAttribute("open"), null, "what is set is seen");
      assert.equal(await group("Messages").locator("#node-config-input-queue").inputValue(), "100");
      assert.equal(await field(page, "token").inputValue(), "__PWRD__");
      await editor.closeDialog("#node-config-dialog-ok");
      assert.deepEqual(find(await editor.nodes(), client.id), { ...client, ...expected });
      assert.equal(await page.evaluate(() => RED.nodes.dirty()), false);
    },
  },

  "a client's dialog that is closed unchanged adds nothing": {
    flows: [tab, client, { ...input, server: "", client: client.id }],
    async run({ editor }) {
      const { page } = editor;
      await openConfig(page, client);
      await editor.closeDialog("#node-config-dialog-ok");
      assert.deepEqual(find(await editor.nodes(), client.id), client);
      assert.equal(await page.evaluate(() => RED.nodes.dirty()), false);
    },
  },

  "a copied node and an exported flow keep what is added": {
    flows: [tab, limited, input, output, request],
    async run({ editor }) {
      const { page } = editor;
      const pasted = await page.evaluate(() => {
        const known = new Set(RED.nodes.createCompleteNodeSet().map((node) => node.id));
        RED.view.select({ nodes: [RED.nodes.node("r1")] });
        RED.actions.invoke("core:copy-selection-to-internal-clipboard");
        RED.actions.invoke("core:paste-from-internal-clipboard");
        return RED.nodes.createCompleteNodeSet().filter((node) => !known.has(node.id));
      });
      assert.deepEqual(pasted.map((node) => [node.type, node.maxResponse]), [["http request", "1000"]]);
      // What is pasted hangs at the pointer until it is put down.
      await page.keyboard.press("Escape");

      await page.evaluate(() => RED.view.select({ nodes: [RED.nodes.node("i1")] }));
      await page.evaluate(() => RED.actions.invoke("core:show-export-dialog"));
      await page.locator("#red-ui-clipboard-dialog-export-rng-selected").click();
      const text = page.locator("#red-ui-clipboard-dialog-export-text");
      await page.waitForFunction(() =>
        document.querySelector("#red-ui-clipboard-dialog-export-text").value.startsWith("["));
      const exported = JSON.parse(await text.inputValue());
      await page.keyboard.press("Escape");
      await text.waitFor({ state: "hidden" });
      assert.deepEqual(find(exported, limited.id), limited);

      await page.evaluate((nodes) => {
        RED.nodes.clear();
        RED.nodes.import(nodes);
      }, [tab, ...exported]);
      assert.deepEqual(find(await editor.nodes(), limited.id), limited);
    },
  },

  async "additions join Node-RED's definition, and what cannot be added is reported"({ editor }) {
    const script = await readFile(new URL("../../src/editor/extend_types.js", import.meta.url), "utf8");
    const found = await editor.page.evaluate((script) => {
      const [calls, warnings, registered] = [[], [], {}];
      const nodes = { registerType: (type, definition) => { registered[type] = definition; } };
      const register = nodes.registerType;
      const wrap = new Function("RED", "console", `return (${script})`);
      const warn = (text) => warnings.push(text);
      wrap({ nodes, _: (key) => `<${key}>` }, { warn })(["withheld"]);
      nodes.extendType.namespace = "crate/part";
      nodes.extendType("one", (text) => ({
        defaults: { added: { value: text("a.b") }, known: { value: text("node-red:c") } },
        credentials: { secret: { type: "password" } },
        button: { toggle: "added" },
        label: "ours",
        oneditprepare() { calls.push(`ours of ${this.id}`); },
        oneditsave: () => ({ changed: true, history: [2] }),
      }));
      nodes.extendType("gone", () => ({}));
      nodes.registerType("one", {
        defaults: { known: { value: "theirs" } },
        label: "theirs",
        oneditprepare() { calls.push(`theirs of ${this.id}`); throw new Error("broken"); },
        oneditsave: () => ({ history: [1] }),
      });
      nodes.registerType("two", {});
      nodes.registerType("withheld", {});
      nodes.registerType.finish();
      const { defaults, credentials, button, label, oneditprepare, oneditsave } = registered.one;
      let thrown;
      try { oneditprepare.call({ id: "n1" }); } catch (error) { thrown = error.message; }
      const saved = oneditsave.call({ id: "n1" });
      return {
        defaults, credentials, button, label, calls, thrown, saved, warnings,
        registered: Object.keys(registered),
        restored: nodes.registerType === register && nodes.extendType === undefined,
      };
    }, script);
    assert.deepEqual(found, {
      defaults: { known: { value: "theirs" }, added: { value: "<crate/part:a.b>" } },
      credentials: { secret: { type: "password" } },
      button: { toggle: "added" },
      label: "theirs",
      calls: ["theirs of n1", "ours of n1"],
      thrown: "broken",
      saved: { changed: true, history: [1, 2] },
      warnings: [
        "extendType: one: the property `known` is already there",
        "extendType: one: `label` cannot be added",
        "extendType: gone: this node set has no such type",
      ],
      registered: ["one", "two"],
      restored: true,
    });
  },

  "rows and help are in the language of the browser": {
    flows: [tab, limited, input],
    async run({ open }) {
      const rows = {
        de: { maxMessage: "Größte Nachricht", slowClient: "Langsamer Client" },
        "ja-JP": { maxMessage: "最大メッセージ", slowClient: "低速クライアント" },
        "zh-CN": { maxMessage: "最大消息", slowClient: "慢速客户端" },
        "ko-KR": { maxMessage: "Largest message", slowClient: "Slow client" },
      };
      const headings = { de: "Verbindungsaufbau", "ja-JP": "接続", "zh-CN": "连接", "ko-KR": "Connecting" };
      for (const [locale, labels] of Object.entries(rows)) {
        const { page } = await open(undefined, { locale });
        await openConfig(page, limited);
        await rowsShow(page, labels);
        const help = await page.evaluate(() => RED.nodes.getNodeHelp("websocket-listener"));
        assert.ok(help.includes(labels.maxMessage), `the help in ${locale}`);
        const ofClient = await page.evaluate(() => RED.nodes.getNodeHelp("websocket-client"));
        assert.ok(ofClient.includes(`<h3>${headings[locale]}</h3>`), `the client's help in ${locale}`);
      }
    },
  },
};

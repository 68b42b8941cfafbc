// A third-party crate, loaded from a library: its dialogs, texts, route and connections.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { at, tab } from "./flows.mjs";
import { openConfig } from "./page.mjs";

const room = { id: "c000000000000003", type: "room", path: "/lobby" };
const input = at("ri", "room in", 140, 80, { room: room.id, prefix: "", wires: [["ro"]] });
const output = at("ro", "room out", 420, 80, { room: room.id, wires: [[]] });

const find = (nodes, id) => nodes.find((node) => node.id === id);

/** A client in the room at `path`: what it sends and the first lines that it gets. */
async function enter(url, path) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.setEncoding("utf8");
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n`);
  let text = "";
  return {
    say: (line) => socket.write(`${line}\n`),
    async got(part) {
      while (!text.includes(part)) text += (await once(socket, "data"))[0];
    },
    leave: () => socket.destroy(),
  };
}

export default {
  "a stranger's configuration node is changed in its dialog, which shows who is connected": {
    flows: [tab, room, input, output],
    async run({ runtime, editor }) {
      const { page } = editor;
      await openConfig(page, room);
      await page.locator("#node-config-input-path").fill("/hall");
      await editor.closeDialog("#node-config-dialog-ok");
      await editor.deploy();
      assert.deepEqual(find(await runtime.savedFlows(), room.id), { ...room, path: "/hall" });
      const client = await enter(runtime.url, "/hall");
      await client.got("101 Switching Protocols");
      client.say("hello");
      await client.got("hello\n");
      await openConfig(page, room);
      await page.locator("#room-show").click();
      await page.locator("#room-members", { hasText: "1" }).waitFor();
      await editor.closeDialog("#node-config-dialog-cancel");
      client.leave();
    },
  },

  "its rows are in the language of the browser": {
    flows: [tab, room, input, output],
    async run({ open }) {
      for (const [locale, label] of [["de", "Pfad"], ["zh-CN", "路径"], ["en-US", "Path"], ["fr", "Path"]]) {
        const { page } = await open(undefined, { locale });
        await openConfig(page, room);
        await page.locator('label[for="node-config-input-path"]', { hasText: label }).waitFor();
      }
    },
  },

  "its nodes are copied, exported and imported with all that they hold": {
    flows: [tab, room, { ...input, prefix: "a" }, output],
    async run({ editor }) {
      const { page } = editor;
      const exported = await page.evaluate(() => {
        RED.view.select({ nodes: [RED.nodes.node("ri"), RED.nodes.node("ro")] });
        const nodes = RED.nodes.createExportableNodeSet(RED.view.selection().nodes);
        return JSON.parse(JSON.stringify(nodes));
      });
      assert.equal(find(exported, "ri").prefix, "a");
      assert.deepEqual(find(exported, room.id), room);
      await page.evaluate((nodes) => {
        RED.nodes.clear();
        RED.nodes.import(nodes);
      }, [tab, ...exported]);
      assert.deepEqual(find(await editor.nodes(), room.id), room);
      assert.equal(find(await editor.nodes(), "ri").prefix, "a");
    },
  },
};

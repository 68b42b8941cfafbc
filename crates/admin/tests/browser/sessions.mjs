// The dialogs for sessions, rooms and events of WebSocket listeners.
import assert from "node:assert/strict";
import { at, client, listener, tab } from "./flows.mjs";
import { connect } from "./runtime.mjs";

const detailed = {
  ...listener, path: "/ws/:name", details: "true", detailHeaders: "x-a", maxRooms: "3", clientRooms: "news",
};
const input = at("i1", "websocket in", 140, 80, {
  server: listener.id, client: "", events: "also", eventsOf: "cluster", wires: [["k1"]],
});
const control = at("k1", "websocket control", 300, 80, {
  server: listener.id, client: "", action: "join", to: "", target: "", targetType: "str", room: "_session.params.name",
  roomType: "msg", code: "", reason: "", data: "payload", dataType: "msg", wires: [["o1"]],
});
const output = at("o1", "websocket out", 480, 80, {
  server: listener.id, client: "", to: "room", target: "a", targetType: "str", except: "", sendEmpty: "", wires: [],
});

const find = (nodes, id) => nodes.find((node) => node.id === id);
const row = (page, name) => page.locator(`#node-input-${name}`);

export default {
  "sessions, rooms and events survive a deploy, a copy and an import": {
    flows: [tab, detailed, input, control, output],
    async run({ runtime, editor }) {
      await editor.move("i1", 150);
      await editor.deploy();
      const saved = await runtime.savedFlows();
      for (const node of [detailed, { ...input, x: 150 }, control, output]) {
        assert.deepEqual(find(saved, node.id), node);
      }
      const nodes = await editor.nodes();
      await editor.page.evaluate((nodes) => {
        RED.nodes.clear();
        RED.nodes.import(nodes);
      }, nodes);
      const imported = await editor.nodes();
      for (const id of ["i1", "k1", "o1", listener.id]) {
        assert.deepEqual(find(imported, id), find(nodes, id));
      }
    },
  },

  "rows of a control node follow its action, and what is chosen is deployed and works": {
    flows: [tab, detailed, input, control, output],
    async run({ runtime, editor }) {
      const { page } = editor;
      await editor.openDialog("k1");
      await row(page, "action").waitFor();
      await page.locator(".websocket-control-room").first().waitFor();
      await page.locator(".websocket-control-close").first().waitFor({ state: "hidden" });
      await row(page, "action").selectOption("close");
      await page.locator(".websocket-control-close").first().waitFor();
      await page.locator(".websocket-control-room").first().waitFor({ state: "hidden" });
      await row(page, "to").selectOption("user");
      await page.locator(".websocket-control-target").first().waitFor();
      await editor.closeDialog("#node-dialog-cancel");

      await editor.openDialog("o1");
      await page.locator(".websocket-out-target").first().waitFor();
      await row(page, "target").evaluate((target) => window.$(target).typedInput("value", "b"));
      await editor.closeDialog();
      await editor.deploy();
      assert.equal(find(await runtime.savedFlows(), "o1").target, "b");
      assert.equal(find(await runtime.savedFlows(), "o1").targetType, "str");

      const socket = await connect(`${runtime.url}/ws/b`);
      // The answer to the event is sent to the room that the client has joined by it.
      assert.deepEqual(JSON.parse(await socket.next()), { sessions: 1, rooms: ["b"] });
    },
  },

  "a control node is given a client instead of its listener": {
    flows: [tab, detailed, client, input, control, output],
    async run({ runtime, editor }) {
      const { page } = editor;
      await editor.openDialog("k1");
      await row(page, "mode").selectOption("client");
      await row(page, "client").waitFor();
      await row(page, "server").waitFor({ state: "hidden" });
      assert.equal(await row(page, "action").inputValue(), "connect");
      await row(page, "to").waitFor({ state: "hidden" });
      await row(page, "client").selectOption(client.id);
      await row(page, "action").selectOption("disconnect");
      await page.locator(".websocket-control-close").first().waitFor();
      await row(page, "code").fill("4000");
      await editor.closeDialog();
      await editor.deploy();
      const saved = find(await runtime.savedFlows(), "k1");
      assert.deepEqual([saved.client, saved.server, saved.action, saved.code], [client.id, "", "disconnect", "4000"]);
    },
  },

  "a dialog of websocket out and in that is closed unchanged adds nothing": {
    flows: [tab, listener,
      at("i1", "websocket in", 140, 80, { server: listener.id, client: "", wires: [["o1"]] }),
      at("o1", "websocket out", 420, 80, { server: listener.id, client: "", wires: [] })],
    async run({ editor }) {
      for (const id of ["i1", "o1"]) {
        const before = find(await editor.nodes(), id);
        await editor.openDialog(id);
        await editor.closeDialog();
        assert.deepEqual(find(await editor.nodes(), id), before);
      }
    },
  },
};

// Several browsers on the same flows.
import assert from "node:assert/strict";
import { at, debug, inject, listener, tab } from "./flows.mjs";
import { connect } from "./runtime.mjs";

export default {
  "a status is there for an editor that comes later": {
    flows: [tab, listener, at("i1", "websocket in", 140, 80, { server: listener.id, client: "", wires: [[]] })],
    async run({ runtime, editor, open }) {
      const client = await connect(`${runtime.url}/ws/news`);
      await editor.status("i1").filter({ hasText: "connected 1" }).waitFor();
      const later = await open();
      await later.status("i1").filter({ hasText: "connected 1" }).waitFor();
      client.close();
    },
  },

  "a second browser hears of a deploy and is offered to merge its own": {
    flows: [tab, inject("a1", "x", "d1"), debug("d1")],
    expected: [/status 409/, /409 \(Conflict\)/],
    async run({ runtime, editor, open }) {
      const other = await open();
      await editor.move("a1", 200);
      await editor.deploy();
      await other.notice("The flows on the server have been updated").waitFor();
      assert.equal(await editor.notice("have been updated").count(), 0);

      await other.move("d1", 500);
      await other.page.locator("#red-ui-header-button-deploy").click();
      await other.notice("The server is running a more recent set of flows").waitFor();
      await other.page.locator("#red-ui-deploy-dialog-confirm-deploy-merge:not(.disabled)").click();
      await other.deploy();
      const saved = await runtime.savedFlows();
      assert.deepEqual(saved.filter((n) => n.x).map((n) => n.x), [200, 500]);
      // The next test deploys in this one, which has the flows of before.
      await editor.reload();
    },
  },
};

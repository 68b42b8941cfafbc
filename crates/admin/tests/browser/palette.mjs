// What can be drawn, and each node's own part of the editor.
import assert from "node:assert/strict";
import { debug, inject, tab } from "./flows.mjs";
import { openConfig } from "./page.mjs";

/** What must be in the palette, in Node-RED's own order; others may stand between them. */
const EXPECTED = [
  "inject", "debug", "complete", "catch", "status", "link in", "link call", "link out", "comment",
  "function", "switch", "change", "range", "template", "delay", "trigger", "rbe",
  "websocket in", "websocket out",
  "split", "join", "sort", "batch", "csv", "html", "json", "xml", "yaml",
];

/** All types in the palette. */
const shownTypes = (editor) => editor.page.locator("#red-ui-palette .red-ui-palette-node")
  .evaluateAll((nodes) => nodes.map((node) => node.dataset.paletteType).filter((type) => !type.startsWith("subflow:")));

/** The types that the runtime says it has: those with a node to draw, or the others. */
const types = (editor, isConfig) => editor.page.evaluate((isConfig) => RED.nodes.registry.getNodeTypes()
  .filter((type) => !["tab", "unknown", "subflow", "group", "junction", "global-config"].includes(type))
  .filter((type) => (RED.nodes.getType(type).category === "config") === isConfig), isConfig);

/** What is still shown as the key of a text, with the text missing. */
const keysShown = (page) => page.evaluate(() =>
  [...document.querySelectorAll(".red-ui-tray [data-i18n]")]
    .filter((shown) => /\w/.test(shown.dataset.i18n) && shown.textContent.trim() === shown.dataset.i18n)
    .map((shown) => shown.dataset.i18n));

async function openAndClose(editor, type, open, ok = "#node-dialog-ok") {
  const { page } = editor;
  await open();
  await page.locator(ok).waitFor();
  if (await page.locator(".red-ui-tray .node-text-editor").count()) {
    await page.locator(".red-ui-tray .view-lines").first().waitFor({ state: "attached" });
  }
  assert.deepEqual(await keysShown(page), [], `texts of \`${type}\``);
  await editor.closeDialog(ok);
  assert.deepEqual(editor.errors, [], `the dialog of \`${type}\``);
}

export default {
  async "the palette holds the nodes of Node-RED, in its order"({ editor }) {
    const shown = await shownTypes(editor);
    assert.deepEqual(shown.filter((type) => EXPECTED.includes(type)), EXPECTED);
    assert.deepEqual(shown.toSorted(), (await types(editor, false)).toSorted());
    const labels = await editor.page.locator("#red-ui-palette .red-ui-palette-label").allInnerTexts();
    assert.deepEqual(labels.filter((label) => /[a-z]\.[a-z]/.test(label)), [], "keys instead of labels");
  },

  "every node's dialog opens and closes, with help": {
    async run({ editor }) {
      const { page } = editor;
      for (const type of await shownTypes(editor)) {
        const id = await page.evaluate((type) => {
          const { node } = RED.view.createNode(type, 300, 200);
          RED.nodes.add(node);
          RED.view.redraw(true);
          return node.id;
        }, type);
        const help = await page.evaluate((type) => RED.nodes.getNodeHelp(type), type);
        assert.ok(help?.length > 50, `the help of \`${type}\``);
        await openAndClose(editor, type, () => page.evaluate((id) => RED.editor.edit(RED.nodes.node(id)), id));
      }
    },
  },

  "every configuration node's dialog opens and closes": {
    async run({ editor }) {
      const { page } = editor;
      const known = await types(editor, true);
      for (const type of ["websocket-listener", "websocket-client", "tls-config"]) {
        assert.ok(known.includes(type), `\`${type}\` is there`);
      }
      for (const type of known) {
        await openConfig(page, { type });
        await editor.dialogOpened("#node-config-dialog-ok");
        assert.deepEqual(await keysShown(page), [], `texts of \`${type}\``);
        await editor.closeDialog("#node-config-dialog-cancel");
      }
    },
  },

  "a subflow and a group are made, edited and deployed": {
    flows: [tab, inject("a1", "grouped", "d1"), debug("d1")],
    async run({ runtime, editor }) {
      const { page } = editor;
      await page.evaluate(() => RED.view.select({ nodes: [RED.nodes.node("d1")] }));
      await page.evaluate(() => RED.actions.invoke("core:group-selection"));
      const group = await page.evaluate(() => RED.nodes.node("d1").g);
      await openAndClose(editor, "group", () => page.evaluate((id) => RED.editor.editGroup(RED.nodes.group(id)), group));

      await page.evaluate(() => RED.actions.invoke("core:create-subflow"));
      const subflow = await page.evaluate(() => RED.workspaces.active());
      await openAndClose(editor, "subflow", () => page.evaluate((id) => RED.editor.editSubflow(RED.nodes.subflow(id)), subflow));
      await page.evaluate((id) => RED.workspaces.show(id), tab.id);
      const instance = await editor.drag(`subflow:${subflow}`, 200, 240);
      await openAndClose(editor, "subflow:", () => editor.openDialog(instance));
      await editor.deploy();
      await editor.showDebug();
      await editor.press("a1");
      await editor.debugMessage("grouped").waitFor();
      const saved = (await runtime.savedFlows()).map((node) => node.type);
      assert.deepEqual(saved.sort(), ["debug", "group", "inject", "subflow", `subflow:${subflow}`, "tab"]);
    },
  },

  async "a node of somebody else's crate is drawn, edited and deployed"({ runtime, editor }) {
    const id = await editor.drag("rate limit", 300, 120);
    await editor.openDialog(id);
    await editor.page.locator("#node-input-limit").fill("3");
    await editor.page.locator("#node-input-over").selectOption("reject");
    await editor.closeDialog();
    await editor.deploy();
    const saved = (await runtime.savedFlows()).find((node) => node.id === id);
    assert.deepEqual([saved.type, saved.limit, saved.outputs], ["rate limit", "3", 2]);
    const help = await editor.page.evaluate(() => RED.nodes.getNodeHelp("rate limit"));
    assert.match(help, /each WebSocket session/);
  },
};

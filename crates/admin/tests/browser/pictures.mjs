// The pictures of the documentation; made when `SCREENSHOTS` names a folder for them.
import { readFile } from "node:fs/promises";
import { debug, inject } from "./flows.mjs";
import { openConfig } from "./page.mjs";
import { connect } from "./runtime.mjs";

const example = (name) => readFile(new URL(`../../../../examples/${name}/flows.json`, import.meta.url), "utf8");

const chat = await example("chat");
const rooms = JSON.parse(await example("rooms-login"));

const DEBUG = "#red-ui-sidebar .red-ui-sidebar-section-bottom";

/** The chat with what one adds to try it. */
function shown() {
  const flow = JSON.parse(chat);
  const [z, server] = [flow[0].id, flow[1].id];
  const input = flow.find((node) => node.type === "websocket in");
  const output = flow.find((node) => node.type === "websocket out");
  input.wires[0].push("d1");
  const news = { ...inject("a1", "Lunch is ready", output.id), z, name: "tell everyone", x: 340, y: 190 };
  return [...flow, news, { ...debug("d1"), z, name: "what was said", x: 350, y: 250, complete: "true" }];
}

async function picture(page, name, clip) {
  await page.waitForFunction(() => !document.querySelector(".red-ui-notification"));
  await page.screenshot({ clip, path: `${process.env.SCREENSHOTS}/${name}.png` });
}

/** The palette is one long column: in the picture its categories stand side by side. */
async function palette(page) {
  const columns = [[], [], []];
  const categories = await page.locator("#red-ui-palette .red-ui-palette-category:visible").all();
  for (const [at, category] of categories.entries()) {
    const image = (await category.screenshot()).toString("base64");
    columns[Math.min(at, 2)].push(`<img style="display: block" src="data:image/png;base64,${image}">`);
  }
  const sheet = await page.context().newPage();
  await sheet.setContent(`<div style="display: inline-flex; gap: 12px; background: white">
    ${columns.map((images) => `<div>${images.join("")}</div>`).join("")}</div>`);
  await sheet.locator("div").first().screenshot({ path: `${process.env.SCREENSHOTS}/editor-palette.png` });
}

const group = (page, title) => page.locator("#node-config-dialog-edit-form details", { hasText: title }).first();

/** The rows of a listener: its groups of access, and of sessions and rooms. */
async function listenerDialogs(editor, listener) {
  const { page } = editor;
  for (const [title, name] of [["Access", "dialog-access"], ["Sessions", "dialog-sessions"]]) {
    await openConfig(page, listener);
    await editor.dialogOpened("#node-config-dialog-ok");
    await group(page, title).evaluate((group) => {
      group.open = true;
      group.scrollIntoView({ block: "start" });
    });
    await picture(page, name, await page.locator(".red-ui-tray").last().boundingBox());
    await editor.closeDialog("#node-config-dialog-cancel");
  }
}

export default {
  "the pictures of rooms are taken": {
    env: {},
    flows: rooms,
    async run({ editor }) {
      const { page } = editor;
      await page.setViewportSize({ width: 1900, height: 720 });
      const { x, y } = await page.locator("#red-ui-workspace-chart").boundingBox();
      await picture(page, "editor-rooms", { x, y, width: 1300, height: 600 });
      await page.setViewportSize({ width: 1200, height: 720 });
      await listenerDialogs(editor, rooms.find((node) => node.type === "websocket-listener"));
      await editor.openDialog(rooms.find((node) => node.type === "websocket control").id);
      await picture(page, "dialog-control", await page.locator(".red-ui-tray").boundingBox());
    },
  },

  "the pictures are taken": {
    env: {},
    flows: shown(),
    async run({ runtime, editor }) {
      const { page } = editor;
      await editor.showDebug();
      const clients = await Promise.all([1, 2].map(() => connect(`${runtime.url}/ws/chat`)));
      for (const text of ["hello, anybody there?", "yes, me"]) {
        clients[0].send(text);
        for (const client of clients) await client.next();
      }
      await editor.debugMessage("yes, me").waitFor();
      await page.setViewportSize({ width: 1200, height: 720 });
      await picture(page, "editor-flow");
      await page.setViewportSize({ width: 1200, height: 780 });
      await editor.debugMessage("hello").locator(".red-ui-debug-msg-object-handle").first().click();
      await picture(page, "editor-debug", await page.locator(DEBUG).boundingBox());

      await page.setViewportSize({ width: 1200, height: 2400 });
      await palette(page);
      clients.forEach((client) => client.close());
    },
  },
};

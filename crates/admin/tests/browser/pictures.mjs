// The pictures of the documentation; made when `SCREENSHOTS` names a folder for them.
import { readFile } from "node:fs/promises";
import { debug, inject } from "./flows.mjs";
import { connect } from "./runtime.mjs";

const chat = await readFile(new URL("../../../../examples/chat/flows.json", import.meta.url), "utf8");

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

export default {
  "the pictures are taken": {
    env: {},
    flows: shown(),
    async prepare(runtime) {
      const view = { "view-show-tips": false };
      await fetch(`${runtime.url}/settings/user`, {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ editor: { view } }),
      });
    },
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

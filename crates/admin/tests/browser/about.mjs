// What the editor says about the runtime.
import assert from "node:assert/strict";
import { debug, tab } from "./flows.mjs";

export default {
  "the menu names the version of the runtime, and why no node types are installed": {
    flows: [tab, debug("d1")],
    async run({ editor }) {
      const { page } = editor;
      const menu = page.locator("#red-ui-header-button-sidemenu");
      await menu.click();
      assert.match(await page.locator("#menu-item-node-red-version").textContent(), /Ferrowire \d+\.\d+/);
      await page.locator("#menu-item-edit-palette").click();
      await page.locator("#red-ui-settings-tab-palette", { hasText: "the editor installs none" }).waitFor();
      await page.locator("#node-dialog-ok").click();
      await page.locator("#red-ui-settings-tab-palette").waitFor({ state: "detached" });
      await menu.click();
      await page.locator("#menu-item-node-red-version").click();
      await page.locator(".red-ui-help h3", { hasText: "Ferrowire" }).waitFor();
    },
  },

  "the tours of the help exist": {
    flows: [tab, debug("d1")],
    async run({ editor }) {
      const statuses = await editor.page.evaluate(() => Promise.all(
        RED.tourGuide.list().map(async ({ path }) => (await fetch(`red/${path}`)).status)));
      assert.ok(statuses.length > 0);
      assert.deepEqual([...new Set(statuses)], [200]);
    },
  },
};

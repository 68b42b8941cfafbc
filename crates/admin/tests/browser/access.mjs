// Who may do what.
import assert from "node:assert/strict";
import { debug, inject, tab } from "./flows.mjs";
import { hashPassword } from "./runtime.mjs";

const password = hashPassword("password");

const users = [["adam", "*"], ["rita", "read"]].map(([name, permissions]) => `
[[admin-auth.users]]
username = "${name}"
password = "${password}"
permissions = "${permissions}"
`);

async function logIn(page, fields) {
  for (const [name, value] of Object.entries(fields)) {
    await page.locator(`#node-dialog-login-${name}`).fill(value);
  }
  await page.locator("#node-dialog-login-submit").click();
}

export default {
  "users log in, and readers cannot deploy": {
    flows: [tab, inject("a1", "x", "d1"), debug("d1")],
    settings: `[admin-auth]\n${users.join("")}`,
    expected: [/status 40[13]/, /40[13] \(/],
    before: async (page) => {
      const logo = page.locator("#node-dialog-login-image[src='theme/login/ferrowire.svg']");
      await logo.waitFor();
      assert.equal(await logo.evaluate((image) => image.naturalWidth > 0), true);
      await logIn(page, { username: "adam", password: "password" });
    },
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
      // The test page uses the same login.
      const page = await editor.page.context().newPage();
      await page.goto(`${new URL(editor.page.url()).origin}/ferrowire/test`);
      await page.locator("#flow-state", { hasText: "live" }).waitFor();
      await page.evaluate(() => localStorage.clear());
      await page.reload();
      assert.equal(await page.getByRole("link", { name: "Log in in the editor" }).getAttribute("href"), "/");
    },
  },
};

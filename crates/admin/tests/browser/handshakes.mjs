// Who may connect: the listener's rows, and the nodes of a flow that decides.
import assert from "node:assert/strict";
import { at, listener, tab } from "./flows.mjs";
import { openConfig } from "./page.mjs";
import { connect } from "./runtime.mjs";

const input = at("i1", "websocket in", 140, 80, { server: listener.id, client: "", wires: [["o1"]] });
const output = at("o1", "websocket out", 420, 80, { server: listener.id, client: "", wires: [] });
const decided = { ...listener, auth: "flow", authTimeout: "2" };
const handshake = at("h1", "websocket handshake", 140, 160, { server: listener.id, wires: [["a1"]] });
const admit = at("a1", "websocket admit", 420, 160, { server: listener.id, wires: [] });

/** Every property of the rows. */
const full = {
  ...listener, auth: "jwt", authFrom: "query:token", authTimeout: "3", jwksUrl: "", jwtAlgorithms: "HS256",
  jwtAudience: "us", jwtIssuer: "i", jwtUserClaim: "name", jwtRoomsClaim: "rooms", jwtLeeway: "1",
  origins: "https://example.org", maxConnections: "10", maxPerAddress: "9", maxHandshakeRate: "100",
  firstMessageTimeout: "8",
};

const find = (nodes, id) => nodes.find((node) => node.id === id);

const field = (page, name) => page.locator(`#node-config-input-${name}`);

/** Opens the dialog with all its groups. */
async function openGroups(page, node) {
  await openConfig(page, node);
  const groups = page.locator("#node-config-dialog-edit-form details");
  await groups.first().waitFor();
  await groups.evaluateAll(
    (groups) => groups.forEach((group) => { group.open = true; }));
}

/** The answer to a handshake that is refused. */
const refused = (url) => connect(url).then(() => "accepted", (error) => error.message);

export default {
  "tokens are set in the dialog, kept as credentials, and count": {
    flows: [tab, listener, input, output],
    async run({ runtime, editor }) {
      const { page } = editor;
      await openGroups(page, listener);
      assert.equal(await field(page, "authTokens").isVisible(), false);
      await field(page, "auth").selectOption("token");
      await field(page, "authTokens").fill("one-token\nann:two-token");
      await field(page, "authFrom").fill("query:token");
      assert.equal(await field(page, "jwtKey").isVisible(), false);
      await editor.closeDialog("#node-config-dialog-ok");
      await editor.deploy();
      const saved = await runtime.savedFlows();
      assert.deepEqual(find(saved, listener.id), { ...listener, auth: "token", authFrom: "query:token" });

      const url = `${runtime.url}/ws/news`;
      assert.match(await refused(url), /401/);
      assert.match(await refused(`${url}?token=wrong`), /401/);
      const socket = await connect(`${url}?token=two-token`);
      socket.send("hello");
      assert.equal(await socket.next(), "hello");

      await editor.reload();
      await openGroups(page, listener);
      assert.equal(await field(page, "authTokens").inputValue(), "__PWRD__");
      await field(page, "authTimeout").fill("4");
      await editor.closeDialog("#node-config-dialog-ok");
      await editor.deploy();
      (await connect(`${url}?token=one-token`)).send("still accepted");
    },
  },

  "the properties of access survive a deploy, an export and an import": {
    flows: [tab, full, input, output],
    async run({ runtime, editor }) {
      const { page } = editor;
      await openGroups(page, full);
      assert.equal(await field(page, "jwtAudience").inputValue(), "us");
      // The editor checks a field when it is left.
      await field(page, "maxConnections").fill("none");
      await field(page, "maxConnections").blur();
      await page.locator("#node-config-input-maxConnections.input-error").waitFor();
      await field(page, "maxConnections").fill("20");
      await editor.closeDialog("#node-config-dialog-ok");
      await editor.deploy();
      const expected = { ...full, maxConnections: "20" };
      assert.deepEqual(find(await runtime.savedFlows(), listener.id), expected);
      await page.evaluate(() => {
        const nodes = RED.nodes.createCompleteNodeSet({ credentials: false });
        RED.nodes.clear();
        RED.nodes.import(nodes);
      });
      assert.deepEqual(find(await editor.nodes(), listener.id), expected);
    },
  },

  "a flow that decides is drawn with its two nodes": {
    flows: [tab, decided, input, output, handshake, admit],
    async run({ runtime, editor }) {
      const { page } = editor;
      const socket = await connect(`${runtime.url}/ws/news`);
      socket.send("hello");
      assert.equal(await socket.next(), "hello");
      await editor.openDialog("h1");
      await page.locator("#dialog-form .form-tips", { hasText: "The flow decides" }).waitFor();
      await editor.closeDialog();
      await editor.move("a1", 220);
      await editor.deploy();
      const saved = await runtime.savedFlows();
      assert.deepEqual(find(saved, "h1"), handshake);
      assert.equal(find(saved, "a1").server, listener.id);
    },
  },

  "the rows of access are in the language of the browser": {
    flows: [tab, listener, input],
    async run({ open }) {
      for (const [locale, label] of [["de", "Zugang"], ["ja-JP", "アクセス"], ["zh-CN", "访问"]]) {
        const { page } = await open(undefined, { locale });
        await openGroups(page, listener);
        await page.locator('label[for="node-config-input-auth"]', { hasText: label }).waitFor();
        const help = await page.evaluate(() => RED.nodes.getNodeHelp("websocket-listener"));
        assert.ok(help.includes("websocket handshake"), `the help in ${locale}`);
      }
    },
  },
};

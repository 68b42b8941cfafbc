// The editor in a browser, with words for what a user does there.
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

export const closeBrowser = () => browser.close();

/** What the editor says on its console when something of a node's own failed. */
const CAUGHT = /error occured|exception|failed/i;

/** The editor of the runtime at `url`, loaded; `expected` lists what may go wrong meanwhile. */
export async function openEditor(url, { expected = [], before, locale = "en-US" } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  const editor = new Editor(page, expected);
  page.on("pageerror", (error) => editor.note(`page error: ${error.stack || error}`));
  page.on("console", (line) => {
    const bad = line.type() === "error" || (line.type() === "warning" && CAUGHT.test(line.text()));
    if (bad) editor.note(`console: ${line.text()}`);
  });
  // A page that is loaded again aborts what it was loading.
  page.on("requestfailed", (request) =>
    request.failure()?.errorText === "net::ERR_ABORTED" ||
    editor.note(`request failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on("response", (response) =>
    response.status() >= 400 && editor.note(`status ${response.status()}: ${response.url()}`));
  await page.goto(`${url}/`);
  await before?.(page);
  await editor.loaded();
  return editor;
}

/** Opens the dialog of a configuration node; without an id, of a new one. */
export async function openConfig(page, { type, id = "_ADD_" }) {
  await page.evaluate(([type, id]) => RED.editor.editConfig("", type, id, "node-config-input"), [type, id]);
  await page.locator("#node-config-dialog-ok").waitFor();
}

class Editor {
  constructor(page, expected) {
    this.page = page;
    this.expected = expected;
    this.errors = [];
  }

  note(text) {
    if (!this.expected.some((pattern) => pattern.test(text))) this.errors.push(text);
  }

  close() {
    return this.page.context().close();
  }

  /** Waits until the flows are shown. */
  async loaded() {
    await this.page.waitForFunction(() => {
      const bar = document.querySelector("#red-ui-header-toolbar");
      return bar && !bar.classList.contains("hide") && window.RED?.workspaces.active();
    });
    await this.page.locator("#red-ui-loading-progress").waitFor({ state: "hidden" });
    // A dialog shows its type in the list of help, which is filled in slices, and fails where that is not there yet.
    await this.page.waitForFunction(() => {
      const isBuilt = (item) => item.treeList?.label && (item.children ?? []).every(isBuilt);
      const topics = $(".red-ui-sidebar-help-toc > .red-ui-treeList").treeList("data");
      return topics.at(-1)?.children.length && topics.every(isBuilt);
    });
  }

  async reload() {
    await this.page.reload();
    await this.loaded();
  }

  node(id) {
    return this.page.locator(`[id="${id}"]`);
  }

  /** All nodes, as a deploy would send them. */
  nodes() {
    return this.page.evaluate(() => JSON.parse(JSON.stringify(RED.nodes.createCompleteNodeSet())));
  }

  /** Puts other flows in the place of all that is there, and deploys them. */
  async load(nodes) {
    await this.page.evaluate((nodes) => {
      RED.nodes.clear();
      RED.history.clear();
      RED.nodes.import(nodes);
      RED.workspaces.show(nodes[0].id);
      RED.nodes.dirty(true);
      RED.view.redraw(true);
      RED.actions.invoke("core:clear-debug-messages");
    }, nodes);
    await this.deploy();
  }

  /** A node of the palette. */
  palette(type) {
    return this.page.locator(`#red-ui-palette .red-ui-palette-node[data-palette-type="${type}"]`);
  }

  /** Drags a node out of the palette; returns its id. */
  async drag(type, x, y) {
    await this.palette(type).scrollIntoViewIfNeeded();
    const from = await this.palette(type).boundingBox();
    const chart = await this.page.locator("#red-ui-workspace-chart").boundingBox();
    const known = (await this.nodes()).map((node) => node.id);
    await this.page.mouse.move(from.x + 20, from.y + 10);
    await this.page.mouse.down();
    await this.page.mouse.move(chart.x + x - 40, chart.y + y - 20, { steps: 8 });
    await this.page.mouse.move(chart.x + x, chart.y + y, { steps: 4 });
    await this.page.mouse.up();
    const added = await this.page.waitForFunction(
      ([known, type]) => RED.nodes.createCompleteNodeSet()
        .find((node) => node.type === type && !known.includes(node.id))?.id,
      [known, type],
    );
    return added.jsonValue();
  }

  async openDialog(id) {
    await this.node(id).locator(".red-ui-flow-node").first().dblclick();
    await this.dialogOpened();
  }

  /** Waits until a dialog has slid in: a click at a button that moves may miss it. */
  async dialogOpened(button = "#node-dialog-ok") {
    await this.page.locator(button).waitFor();
    await this.page.waitForFunction(() => {
      const tray = [...document.querySelectorAll(".red-ui-tray")].at(-1);
      return tray && getComputedStyle(tray).right === "0px" && tray.getAnimations().length === 0;
    });
  }

  async closeDialog(button = "#node-dialog-ok") {
    await this.dialogOpened(button);
    await this.page.locator(button).click();
    await this.page.locator(button).waitFor({ state: "detached" });
  }

  async wire(from, to) {
    const middle = async (locator) => {
      const box = await locator.boundingBox();
      return [box.x + box.width / 2, box.y + box.height / 2];
    };
    const start = await middle(this.node(from).locator(".red-ui-flow-port-output .red-ui-flow-port"));
    const end = await middle(this.node(to).locator(".red-ui-flow-port-input .red-ui-flow-port"));
    await this.page.mouse.move(...start);
    await this.page.mouse.down();
    await this.page.mouse.move(...end, { steps: 10 });
    await this.page.mouse.up();
    await this.page.waitForFunction(
      ([from, to]) => RED.nodes.createCompleteNodeSet()
        .find((node) => node.id === from).wires.flat().includes(to),
      [from, to],
    );
  }

  /** Presses Deploy, or what `press` names; ends with the editor's note of success. */
  async deploy(press = "#red-ui-header-button-deploy") {
    await this.forgetNotices();
    await this.page.locator(press).click();
    await this.notice("Successfully deployed").waitFor();
    // Until then nothing can be clicked or dragged.
    await this.page.locator("#red-ui-full-shade").waitFor({ state: "hidden" });
  }

  /** A notice that has come up since the last call of `forgetNotices`. */
  notice(text) {
    return this.page.locator(".red-ui-notification:not([data-old])", { hasText: text }).first();
  }

  forgetNotices() {
    return this.page.evaluate(() => {
      for (const notice of document.querySelectorAll(".red-ui-notification")) {
        notice.dataset.old = "";
        // An open one would be used again for the next of its kind; fixed ones hold the buttons of a question.
        if (!notice.fixed) notice.close();
      }
    });
  }

  status(id) {
    return this.node(id).locator(".red-ui-flow-node-status-label");
  }

  async press(id) {
    await this.node(id).locator(".red-ui-flow-node-button-button").click();
  }

  async showDebug() {
    await this.page.evaluate(() => RED.sidebar.show("debug"));
  }

  debugMessage(text) {
    return this.page.locator(".red-ui-debug-msg", { hasText: text }).first();
  }

  async move(id, x) {
    await this.page.evaluate(([id, x]) => {
      const node = RED.nodes.node(id);
      node.x = x;
      node.changed = true;
      node.dirty = true;
      RED.nodes.dirty(true);
      RED.view.redraw(true);
    }, [id, x]);
  }
}

// The editor in a browser, with words for what a user does there.
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

export const closeBrowser = () => browser.close();

/** The editor of the runtime at `url`, loaded; `expected` lists what may go wrong meanwhile. */
export async function openEditor(url, { expected = [], before } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US" });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  const errors = [];
  const note = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) errors.push(text);
  };
  page.on("pageerror", (error) => note(`page error: ${error}`));
  page.on("console", (line) => line.type() === "error" && note(`console: ${line.text()}`));
  page.on("requestfailed", (request) =>
    note(`request failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on("response", (response) =>
    response.status() >= 400 && note(`status ${response.status()}: ${response.url()}`));
  await page.goto(`${url}/`);
  await before?.(page);
  await page.waitForFunction(() => {
    const bar = document.querySelector("#red-ui-header-toolbar");
    return bar && !bar.classList.contains("hide") && window.RED?.workspaces.active();
  });
  await page.locator("#red-ui-loading-progress").waitFor({ state: "hidden" }).catch(() => {});
  return new Editor(page, errors);
}

class Editor {
  constructor(page, errors) {
    this.page = page;
    this.errors = errors;
  }

  close() {
    return this.page.context().close();
  }

  node(id) {
    return this.page.locator(`[id="${id}"]`);
  }

  /** Drags a node out of the palette; returns its id. */
  async drag(type, x, y) {
    const palette = this.page.locator(`#red-ui-palette .red-ui-palette-node[data-palette-type="${type}"]`);
    await palette.scrollIntoViewIfNeeded();
    const from = await palette.boundingBox();
    const chart = await this.page.locator("#red-ui-workspace-chart").boundingBox();
    const known = await this.page.evaluate(() => RED.nodes.createCompleteNodeSet().map((n) => n.id));
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
    await this.page.locator("#node-dialog-ok").waitFor();
    // The dialog slides in.
    await this.page.waitForFunction(() => !document.querySelector(".red-ui-tray")?.getAnimations().length);
  }

  async closeDialog() {
    await this.page.locator("#node-dialog-ok").click();
    await this.page.locator("#node-dialog-ok").waitFor({ state: "detached" });
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

  /** Presses Deploy; ends with the editor's note of success. */
  async deploy() {
    await this.page.locator("#red-ui-header-button-deploy").click();
    await this.notice("Successfully deployed").waitFor();
  }

  notice(text) {
    return this.page.locator(".red-ui-notification", { hasText: text }).first();
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

// Drives the Node-RED editor, served by the real program, in a real Chromium.
//
//   cargo xtask browser      builds what this needs and runs it, or by hand:
//   npm ci && node editor.mjs
//
//   FERROWIRE     the program, default target/debug/ferrowire
//   PLUGIN        the shared libraries of examples/third-party-node and -room, separated by `:`
//   CHROMIUM      the browser, default /usr/bin/chromium
//   ONLY          run only the tests whose name contains this text
//   SCREENSHOTS   a folder for pictures of the palette, a flow and the debug sidebar
//
// Every wait is for an event or a state of the page and ends with a time-out; nothing sleeps.
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import access from "./access.mjs";
import drawing from "./drawing.mjs";
import handshakes from "./handshakes.mjs";
import extended from "./extended.mjs";
import { tab } from "./flows.mjs";
import { closeBrowser, openEditor } from "./page.mjs";
import about from "./about.mjs";
import palette from "./palette.mjs";
import pictures from "./pictures.mjs";
import room from "./room.mjs";
import sessions from "./sessions.mjs";
import { startRuntime } from "./runtime.mjs";
import together from "./together.mjs";

// A test is a function, or says what it needs:
//   flows      what is deployed before it
//   settings   text of a settings file, and `env`: these get a runtime of their own
//   expected   patterns of errors that belong to the test
//   before     what a user does before the editor has loaded
const tests = {
  ...palette, ...drawing, ...extended, ...sessions, ...handshakes, ...(process.env.PLUGIN ? room : {}), ...together, ...about,
  ...access,
  ...(process.env.SCREENSHOTS ? pictures : {}),
};

/** The runtime and the editor that tests share: to load the editor takes longer than a test. */
let shared;

async function sharedStage() {
  if (!shared) {
    const args = process.env.PLUGIN ? ["--plugin", process.env.PLUGIN] : [];
    const runtime = await startRuntime({ flows: [], args });
    shared = { runtime, editor: await openEditor(runtime.url) };
  }
  return shared;
}

async function leave(stage) {
  await stage?.editor.close();
  await stage?.runtime.stop();
}

async function run(test) {
  const isOwn = Boolean(test.settings || test.env);
  let stage;
  if (isOwn) {
    const runtime = await startRuntime({ flows: [tab], ...test });
    stage = { runtime, editor: await openEditor(runtime.url, test) };
  } else {
    stage = await sharedStage();
  }
  const { runtime, editor } = stage;
  editor.expected = test.expected ?? [];
  const others = [];
  const open = async (before = test.before, options = {}) => {
    others.push(await openEditor(runtime.url, { ...test, before, ...options }));
    return others.at(-1);
  };
  try {
    if (!isOwn) await editor.load(test.flows ?? [tab]);
    await test.run({ runtime, editor, open });
    assert.deepEqual([editor, ...others].flatMap((editor) => editor.errors), [], "errors of the page");
  } catch (error) {
    const place = error.stack.split("\n").filter((line) => line.includes("tests/browser")).slice(0, 3);
    const path = join(tmpdir(), "ferrowire-editor-failed.png");
    await [editor, ...others].at(-1).page.screenshot({ path });
    error.message += `\n${[...place, ...runtime.log.slice(-5), `what it looked like: ${path}`].join("\n")}`;
    // Whatever it left open is not the next test's.
    if (!isOwn) shared = undefined;
    await leave(isOwn ? undefined : stage);
    throw error;
  } finally {
    for (const other of others) await other.close();
    if (isOwn) await leave(stage);
  }
}

let passed = 0, failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
  const begun = Date.now();
  try {
    await run(typeof test === "function" ? { run: test } : test);
    passed++;
    console.log(`ok      ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n        ${error.message.replaceAll("\n", "\n        ")}`);
  }
}
await leave(shared);
await closeBrowser();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || passed === 0 ? 1 : 0;

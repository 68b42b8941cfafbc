// A runtime of its own for each test: the real program, in a folder of its own.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile, readFile } from "node:fs/promises";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";

const binary = process.env.FERROWIRE ??
  new URL("../../../../target/debug/ferrowire", import.meta.url).pathname;

/** Whose settings there are: nobody's in particular, and those of the tests' users. */
const USERS = ["_", "adam", "rita", "token"];

/** Starts the program with `flows` in its user directory. */
export async function startRuntime({ flows = [], args = [], env = {}, settings } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "ferrowire-editor-"));
  await writeFile(join(folder, "flows.json"), JSON.stringify(flows));
  // The editor shows its first tip after a second, and fails when it is not all there by then.
  const calm = { editor: { view: { "view-show-tips": false } } };
  const users = Object.fromEntries(USERS.map((user) => [user, calm]));
  await writeFile(join(folder, ".config.users.json"), JSON.stringify(users));
  if (settings) {
    await writeFile(join(folder, "settings.toml"), settings);
    args = [...args, "--settings", join(folder, "settings.toml")];
  }
  const program = spawn(binary, ["run", "--user-dir", folder, "--listen", "127.0.0.1:0", ...args], {
    // The palette manager would load its list of packages from outside of this machine.
    env: { FERROWIRE_PALETTE_INSTALL: "false", ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = [];
  const url = await new Promise((resolve, reject) => {
    const lines = createInterface(program.stderr);
    lines.on("line", (line) => {
      log.push(line);
      const found = /listening on (http:\/\/[\d.:]+)/.exec(line);
      if (found) resolve(found[1]);
    });
    program.on("error", reject);
    program.on("exit", () => reject(new Error(`the runtime ended:\n${log.join("\n")}`)));
  });
  return {
    url,
    log,
    savedFlows: async () => JSON.parse(await readFile(join(folder, "flows.json"), "utf8")),
    async stop() {
      const ended = once(program, "exit");
      program.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** What `ferrowire hash-password` makes of a password. */
export function hashPassword(password) {
  const done = spawnSync(binary, ["hash-password"], { input: `${password}\n`, encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout.trim();
}

/** A WebSocket client that is no browser. */
export async function connect(url) {
  const socket = new WebSocket(url.replace(/^http/, "ws"));
  const received = [];
  const waiting = [];
  socket.on("message", (data) => {
    received.push(String(data));
    waiting.splice(0).forEach((look) => look());
  });
  const ended = new Promise((resolve) => socket.on("close", resolve));
  await once(socket, "open");
  return {
    send: (text) => socket.send(text),
    close: () => socket.close(),
    /** The code that the connection is closed with. */
    closed: () => ended,
    /** The next message, within five seconds. */
    next: () => new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("no WebSocket message came")), 5000);
      const look = () => {
        if (!received.length) return waiting.push(look);
        clearTimeout(late);
        resolve(received.shift());
      };
      look();
    }),
  };
}

// What a settings file finds of Node.js. Nothing here writes a file, opens a connection or starts a process: a
// module that is not known is a stranger, which can be called and read, and is recognized in the settings.
(function (given, host) {
  "use strict";
  // Encloses the name of a stranger in a text that was made of it.
  const MARK = "\ue000";
  // The most values of settings, and how deep they may be within each other.
  const MOST_VALUES = 20000;
  const DEEPEST = 32;
  const { parse, stringify } = JSON;

  const notes = [];
  const note = (text) => {
    if (!notes.includes(text) && notes.length < 100) notes.push(text);
  };

  const stranger = (name) =>
    new Proxy(function () {}, {
      get(target, key) {
        if (key === MARK) return name;
        if (key === "prototype") return target.prototype;
        if (key === Symbol.toPrimitive || key === "toString") return () => MARK + name + MARK;
        // `then` would make it a promise.
        return typeof key === "symbol" || key === "then" ? undefined : stranger(name);
      },
      set: () => true,
      apply: () => stranger(name),
      construct: () => stranger(name),
    });

  const failure = (reason, path) => {
    const code = reason.code;
    return Object.assign(new Error(`${code}: cannot read '${path}'`), { code, path });
  };

  class Buffer {
    #text;
    constructor(text) {
      this.#text = text;
    }
    static from(value, encoding) {
      if (value instanceof Buffer) return value;
      return new Buffer(encoding ? host.decode(String(value), encoding) : String(value));
    }
    static isBuffer(value) {
      return value instanceof Buffer;
    }
    get length() {
      return this.#text.length;
    }
    toString(encoding) {
      return encoding ? host.encode(this.#text, encoding) : this.#text;
    }
  }

  // Modules

  const normalized = (path) => {
    const parts = [];
    for (const part of path.split("/")) {
      if (part === "..") {
        if (parts.length && parts.at(-1) !== "..") parts.pop();
        else if (!path.startsWith("/")) parts.push(part);
      } else if (part && part !== ".") parts.push(part);
    }
    return (path.startsWith("/") ? "/" : "") + parts.join("/") || ".";
  };
  const path = {
    sep: "/",
    delimiter: ":",
    normalize: normalized,
    isAbsolute: (path) => path.startsWith("/"),
    join: (...parts) => normalized(parts.filter(Boolean).join("/")),
    resolve: (...parts) => {
      let all = "";
      for (const part of [given.cwd, ...parts]) all = part.startsWith("/") ? part : `${all}/${part}`;
      return normalized(all);
    },
    dirname: (path) => path.replace(/\/+[^/]*\/*$/, "") || (path.startsWith("/") ? "/" : "."),
    basename: (path, end = "") => {
      const name = path.replace(/\/+$/, "").split("/").at(-1);
      return end && name !== end && name.endsWith(end) ? name.slice(0, -end.length) : name;
    },
    extname: (path) => /[^/.](\.[^./]*)\/*$/.exec(path)?.[1] ?? "",
    relative: (from, to) => {
      const [a, b] = [from, to].map((it) => path.resolve(it).split("/").filter(Boolean));
      let same = 0;
      while (same < a.length && a[same] === b[same]) same++;
      return [...a.slice(same).fill(".."), ...b.slice(same)].join("/");
    },
  };
  path.posix = path;

  const os = {
    EOL: "\n",
    arch: () => given.arch,
    cpus: () => [],
    freemem: () => 0,
    homedir: () => given.home,
    hostname: () => given.hostname,
    loadavg: () => [0, 0, 0],
    networkInterfaces: () => ({}),
    platform: () => "linux",
    release: () => "",
    tmpdir: () => given.env.TMPDIR || "/tmp",
    totalmem: () => 0,
    type: () => "Linux",
    uptime: () => 0,
    userInfo: () => ({ username: given.env.USER || "", homedir: given.home, uid: -1, gid: -1 }),
  };

  const contentOf = (file) => {
    const found = host.read(path.resolve(String(file)));
    if (found.code) throw failure(found, String(file));
    return found.text;
  };
  const kindOf = (file) => host.kind(path.resolve(String(file)));
  const stat = (file) => {
    const kind = kindOf(file);
    if (!kind) throw failure({ code: "ENOENT" }, file);
    return { isFile: () => kind === "file", isDirectory: () => kind === "folder", size: 0 };
  };
  const readFileSync = (file, options) => {
    const encoding = typeof options === "string" ? options : options?.encoding;
    const content = new Buffer(contentOf(file));
    return encoding ? content.toString(/^utf-?8$/i.test(encoding) ? "" : encoding) : content;
  };
  // What is not there is not done, and that is noted.
  const readOnly = (name, functions) =>
    new Proxy(functions, {
      get(target, key) {
        if (key in target || typeof key === "symbol" || key === "then") return target[key];
        return () => {
          note(`\`${name}.${key}\` was called, and has done nothing`);
          return stranger(name);
        };
      },
    });
  const promises = readOnly("fs", {
    readFile: async (file, options) => readFileSync(file, options),
    stat: async (file) => stat(file),
    access: async (file) => void stat(file),
  });
  const fs = readOnly("fs", {
    constants: { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 },
    readFileSync,
    existsSync: (file) => kindOf(file) !== "",
    accessSync: (file) => void stat(file),
    statSync: stat,
    lstatSync: stat,
    readFile: (file, ...rest) => {
      const done = rest.pop();
      let content;
      try {
        content = readFileSync(file, ...rest);
      } catch (error) {
        return done(error);
      }
      done(null, content);
    },
    promises,
  });

  const builtIn = { path, os, fs, "fs/promises": promises, buffer: { Buffer }, process: undefined };
  const names = new Map();

  // The environment

  const timers = [];
  const setTimeout = (callback, after = 0, ...args) => {
    const id = timers.length + 1;
    timers.push({ id, after: Number(after) || 0, run: () => callback(...args) });
    return id;
  };
  const clearTimeout = (id) => {
    const at = timers.findIndex((timer) => timer.id === id);
    if (at >= 0) timers.splice(at, 1);
  };
  const process = {
    env: given.env,
    argv: ["node", "red"],
    arch: given.arch,
    platform: "linux",
    pid: 1,
    version: "v22.0.0",
    versions: { node: "22.0.0" },
    cwd: () => given.cwd,
    exit() {
      throw new Error("`process.exit` was called");
    },
    emitWarning() {},
    nextTick: (callback, ...args) => void Promise.resolve().then(() => callback(...args)),
    on: () => process,
    once: () => process,
    uptime: () => 0,
    memoryUsage: () => ({}),
    getuid: () => -1,
  };
  builtIn.process = process;
  for (const [name, module] of Object.entries(builtIn)) names.set(module, name);

  const silent = () => {};
  Object.assign(globalThis, {
    global: globalThis,
    Buffer,
    process,
    console: { log: silent, info: silent, warn: silent, error: silent, debug: silent, trace: silent },
    setTimeout,
    clearTimeout,
    setImmediate: (callback, ...args) => setTimeout(callback, 0, ...args),
    clearImmediate: clearTimeout,
    setInterval: () => (note("`setInterval` was called, and has done nothing"), 0),
    clearInterval: silent,
  });

  // Files of the user directory

  const loaded = new Map();
  const load = (file) => {
    if (loaded.has(file)) return loaded.get(file).exports;
    const module = { exports: {}, id: file, filename: file, loaded: false };
    loaded.set(file, module);
    const text = contentOf(file).replace(/^\ufeff/, "");
    if (file.endsWith(".json")) {
      module.exports = parse(text);
    } else {
      const require = requireFrom(path.dirname(file));
      host.compile(text, file)(module.exports, require, module, file, path.dirname(file));
    }
    return module.exports;
  };
  const requireFrom = (folder) => {
    const resolve = (name) => {
      const base = path.resolve(folder, name);
      const candidates = ["", ".js", ".json", ".cjs", "/index.js"].map((end) => base + end);
      return candidates.find((file) => kindOf(file) === "file") ?? base;
    };
    const require = (name) => {
      name = String(name).replace(/^node:/, "");
      if (Object.hasOwn(builtIn, name)) return builtIn[name];
      if (/^\.{0,2}\//.test(name)) return load(resolve(name));
      note(`the module \`${name}\` is not evaluated`);
      return stranger(name);
    };
    return Object.assign(require, { resolve: (name) => name, cache: {} });
  };

  // The result

  let count = 0;
  const described = (value, depth) => {
    if (++count > MOST_VALUES) throw new Error("the settings have more than 20,000 values");
    if (depth > DEEPEST) return { other: "a value within more than 32 others" };
    if (value === null || value === undefined) return "null";
    switch (typeof value) {
      case "boolean":
        return { bool: value };
      case "number":
        return Number.isFinite(value) ? { number: value } : { other: "a number that is not finite" };
      case "string":
        return value.includes(MARK) ? { module: value.split(MARK)[1] } : { text: value };
      case "function": {
        const name = value[MARK];
        return typeof name === "string" ? { module: name } : "function";
      }
      case "object":
        return ofObject(value, depth + 1);
    }
    return { other: `a ${typeof value}` };
  };
  const ofObject = (value, depth) => {
    if (names.has(value)) return { module: names.get(value) };
    if (value instanceof Buffer) return { text: value.toString() };
    if (Array.isArray(value)) return { list: Array.from(value, (item) => described(item, depth)) };
    if (value instanceof RegExp) return { other: "a regular expression" };
    if (value instanceof Date) return { other: "a date" };
    if (value instanceof Promise) return { other: "a promise" };
    return { object: Object.keys(value).map((key) => [key, described(value[key], depth)]) };
  };

  return {
    async run(file) {
      const exported = await load(file);
      if (exported === null || typeof exported !== "object" || Array.isArray(exported)) {
        throw new Error(`expected an object of settings in \`module.exports\`, found a ${typeof exported}`);
      }
      const settings = { ...exported };
      if (typeof settings.https === "function" && settings.https[MARK] === undefined) {
        note("`https` is a function, of which the first result counts");
        settings.https = await settings.https();
      }
      return stringify({ settings: described(settings, 0), notes });
    },
    // Runs the next timer, without waiting for its time.
    next() {
      if (timers.length === 0) return false;
      timers.sort((a, b) => a.after - b.after || a.id - b.id);
      timers.shift().run();
      return true;
    },
  };
});

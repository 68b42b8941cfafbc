"use strict";
// Runs Node-RED's own runtime for the nodes whose code is JavaScript from npm. Every native node is a stub here: a message
// that reaches it goes over the socket to the native node. `protocol.rs` describes what is sent.

const { AsyncLocalStorage } = require("node:async_hooks");
const crypto = require("node:crypto");
const { EventEmitter } = require("node:events");
const fs = require("node:fs");
const http = require("node:http");
const { createRequire } = require("node:module");
const net = require("node:net");
const path = require("node:path");
const { inspect, types } = require("node:util");

const PROTOCOL = 1;
/** The largest frame in bytes, in either direction. */
const MAX_FRAME = 64 << 20;
/** How many bytes of messages may wait for the native nodes; each message counts for 256 more. */
const MAX_WAITING = 64 << 20;
const MESSAGE_COST = 256;
/**
 * While more bytes wait, the nodes here get no messages, which slows down those who send to them. The native nodes may
 * wait for the nodes here in turn, so the limit is raised by as much after a pause in milliseconds, which then doubles.
 */
const SLOW_ABOVE = 1 << 20;
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 600_000;
/** How many messages the nodes here get in one round of the event loop. */
const AT_ONCE = 64;
/** How deep a record may be nested. JSON of more than 127 levels is refused, and some values take two. */
const MAX_DEPTH = 120;
/** Longer lines for the log are cut. */
const MAX_TEXT = 64 << 10;
/** How many values that cannot be sent, such as functions, are kept for messages that come back. */
const MAX_HANDLES = 1000;

// ---- Values ----------------------------------------------------------------------------------------------------------

/** Kept values by name, the least recently used first. */
const handles = new Map();
const handleNames = new WeakMap();

function keep(value) {
  const name = handleNames.get(value) ?? crypto.randomUUID();
  handleNames.set(value, name);
  handles.delete(name);
  handles.set(name, value);
  if (handles.size > MAX_HANDLES) handles.delete(handles.keys().next().value);
  return { $h: name };
}

function packNumber(number) {
  const isJson = Number.isFinite(number) && !Object.is(number, -0);
  return isJson ? number : { $n: Object.is(number, -0) ? "-0" : String(number) };
}

function packBuffer(bytes, attached) {
  const at = attached.size;
  attached.parts.push(bytes);
  attached.size += bytes.length;
  return { $b: [at, bytes.length] };
}

/** The value as JSON can represent it. `above` are the objects that contain it. */
function pack(value, attached, above) {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return packNumber(value);
    case "bigint":
      return { $i: String(value) };
    case "function":
      return keep(value);
    case "object":
      return value === null ? null : packObject(value, attached, above);
    default:
      return { $u: 1 };
  }
}

/** Whether properties are not all that an object has. Checks that also hold for objects of another JavaScript context. */
const isOpaque = (object) =>
  object instanceof EventEmitter ||
  types.isMap(object) ||
  types.isSet(object) ||
  types.isRegExp(object) ||
  types.isPromise(object) ||
  types.isWeakMap(object) ||
  types.isWeakSet(object) ||
  types.isDataView(object) ||
  types.isExternal(object);

/** What stands for an object of a class; `undefined` if that is its properties. */
function packInstance(object, attached) {
  if (types.isUint8Array(object)) return packBuffer(object, attached);
  if (types.isAnyArrayBuffer(object)) return packBuffer(Buffer.from(object), attached);
  if (types.isDate(object)) return { $d: object.getTime() };
  if (types.isBoxedPrimitive(object)) return pack(object.valueOf(), attached, []);
  return isOpaque(object) ? keep(object) : undefined;
}

function packObject(object, attached, above) {
  const isPlain = Object.getPrototypeOf(object) === Object.prototype || Array.isArray(object);
  const instance = isPlain ? undefined : packInstance(object, attached);
  if (instance !== undefined) return instance;
  if (above.includes(object)) return "[circular]";
  if (above.length >= MAX_DEPTH) throw new Error(`the message is nested deeper than ${MAX_DEPTH} levels`);
  above.push(object);
  const packed = Array.isArray(object)
    ? object.map((item) => pack(item, attached, above))
    : packProperties(object, attached, above);
  above.pop();
  return packed;
}

function packProperties(object, attached, above) {
  const packed = {};
  const keys = Object.keys(object);
  if (types.isNativeError(object)) keys.push("name", "message", "stack");
  for (const key of keys) {
    const value = pack(object[key], attached, above);
    if (key === "__proto__") Object.defineProperty(packed, key, { value, enumerable: true });
    else packed[key] = value;
  }
  // One key with a dollar sign would be read as one of the forms above.
  return keys.length === 1 && keys[0].startsWith("$") ? { $o: packed } : packed;
}

const FORMS = {
  $b: ([at, length], attachments) => Buffer.from(attachments.subarray(at, at + length)),
  $d: (time) => new Date(time ?? NaN),
  $u: () => undefined,
  $n: Number,
  $i: BigInt,
  $h: (name) => handles.get(name),
  $o: unpackProperties,
};

function unpack(value, attachments) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => unpack(item, attachments));
  const keys = Object.keys(value);
  const isForm = keys.length === 1 && Object.hasOwn(FORMS, keys[0]);
  return isForm ? FORMS[keys[0]](value[keys[0]], attachments) : unpackProperties(value, attachments);
}

function unpackProperties(object, attachments) {
  for (const key of Object.keys(object)) object[key] = unpack(object[key], attachments);
  return object;
}

// ---- The socket ------------------------------------------------------------------------------------------------------

const socket = net.connect(process.argv[2]);
// Without the process that started it, nothing here has a purpose.
socket.on("close", () => process.exit(0));
socket.on("error", () => process.exit(0));

let isCorked = false;

function write(bytes) {
  if (!isCorked) {
    isCorked = true;
    socket.cork();
    setImmediate(() => {
      isCorked = false;
      socket.uncork();
    });
  }
  socket.write(bytes);
}

/** JSON without the halves of surrogate pairs, which are not Unicode. */
function unicode(json) {
  if (!json.includes("\\ud")) return json;
  return json.replace(/\\(ud[89a-f]..|.)/g, (escape) => (escape.length > 2 ? "\ufffd" : escape));
}

/** The frame of a record: the length of the rest, the length of the JSON, the JSON, the attachments. */
function frame(record) {
  const attached = { parts: [], size: 0 };
  const json = Buffer.from(unicode(JSON.stringify(pack(record, attached, []))));
  const length = 4 + json.length + attached.size;
  if (length > MAX_FRAME) throw new Error(`the message has ${length} bytes, and may have ${MAX_FRAME}`);
  const head = Buffer.allocUnsafe(8);
  head.writeUInt32LE(length, 0);
  head.writeUInt32LE(json.length, 4);
  return Buffer.concat([head, json, ...attached.parts], 4 + length);
}

/** Sends a record. Packages cause some of them: one that cannot be sent is not to end the process. */
function post(record) {
  let bytes;
  try {
    bytes = frame(record);
  } catch (error) {
    bytes = frame({ t: "log", level: 20, text: `\`${record.t}\` cannot be sent: ${error.message}` });
  }
  write(bytes);
}

let chunks = [];
let received = 0;
let wanted = 4;

socket.on("data", (chunk) => {
  chunks.push(chunk);
  received += chunk.length;
  if (received >= wanted) readFrames(chunks.length === 1 ? chunk : Buffer.concat(chunks, received));
});

function readFrames(bytes) {
  let at = 0;
  wanted = 4;
  while (bytes.length - at >= 4) {
    const length = bytes.readUInt32LE(at);
    if (bytes.length - at < 4 + length) {
      wanted = 4 + length;
      break;
    }
    handle(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const rest = bytes.subarray(at);
  chunks = rest.length > 0 ? [rest] : [];
  received = rest.length;
}

function handle(body) {
  const end = 4 + body.readUInt32LE(0);
  const json = body.toString("utf8", 4, end);
  const record = JSON.parse(json);
  const attachments = body.subarray(end);
  const isPlain = !json.includes('{"$');
  HANDLERS[record.t]?.(isPlain ? record : unpackProperties(record, attachments));
}

// ---- Messages --------------------------------------------------------------------------------------------------------

let runtime;
let waiting = 0;
/** The trace of the message that a node works at, through its callbacks and promises. */
const traces = new AsyncLocalStorage();

/** Sends a message that reached a stub to the native node. */
function forward(stub, msg) {
  let bytes;
  try {
    bytes = frame({ t: "message", id: stub.id, trace: traces.getStore(), msg });
  } catch (error) {
    return stub.error(`a message to a native node cannot be sent: ${error.message}`, { _msgid: msg._msgid });
  }
  if (waiting > 0 && waiting + bytes.length + MESSAGE_COST > MAX_WAITING) {
    return post({ t: "dropped", id: stub.id });
  }
  waiting += bytes.length + MESSAGE_COST;
  write(bytes);
}

/** The messages that were received and that no node was given yet. The other side bounds them. */
const inbox = [];
let slowAbove = SLOW_ABOVE;
let pause = FIRST_PAUSE;
let delivery;
let raise;

function receive(record) {
  inbox.push(record);
  schedule();
}

/** Plans the next delivery, if there is something to deliver. */
function schedule() {
  if (inbox.length === 0) return;
  if (waiting <= slowAbove) delivery ??= setImmediate(deliver);
  else raise ??= setTimeout(raiseLimit, pause);
}

function raiseLimit() {
  raise = undefined;
  slowAbove = waiting + SLOW_ABOVE;
  pause = Math.min(2 * pause, LONGEST_PAUSE);
  schedule();
}

/** Gives the first messages to their nodes and confirms them. */
function deliver() {
  clearImmediate(delivery);
  delivery = undefined;
  const records = inbox.splice(0, AT_ONCE);
  for (const { id, trace, msg } of records) {
    const node = runtime._.nodes.getNode(id);
    if (node && trace) traces.run(trace, () => node.receive(msg));
    else if (node) node.receive(msg);
    else post({ t: "lost", id });
  }
  post({ t: "taken", messages: records.length });
  schedule();
}

/** What came before a deploy or the end is for the nodes before it. */
function deliverAll() {
  while (inbox.length > 0) deliver();
}

/** Native nodes took messages of so many bytes. */
function progress({ bytes }) {
  waiting -= bytes;
  if (waiting <= SLOW_ABOVE) {
    slowAbove = SLOW_ABOVE;
    pause = FIRST_PAUSE;
  }
  if (waiting <= slowAbove) {
    clearTimeout(raise);
    raise = undefined;
  }
  schedule();
}

// ---- Stubs -----------------------------------------------------------------------------------------------------------

const FUNCTION_FILE = "core/function/10-function.js";

const quoted = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;");

/** The folder of a node set that has a stub for each native type. Node-RED scans it first, so the stubs own the names. */
function writeStubs({ folder, coreNodes, modules, types: nativeTypes }) {
  const types = nativeTypes.filter((type) => !BUILT_IN.includes(type));
  const stubs = path.join(folder, "stubs");
  fs.mkdirSync(stubs);
  const form = (type) => `<script type="text/html" data-template-name="${quoted(type)}"></script>\n`;
  fs.writeFileSync(path.join(stubs, "ferrowire.html"), types.map(form).join(""));
  fs.writeFileSync(path.join(stubs, "ferrowire.js"), 'module.exports = globalThis[Symbol.for("ferrowire.stubs")];\n');
  globalThis[Symbol.for("ferrowire.stubs")] = (RED) => {
    for (const type of types) {
      if (type === "function" && coreNodes) registerFunction(RED, path.join(coreNodes, FUNCTION_FILE), runsHere(modules));
      else RED.nodes.registerType(type, stub(RED));
    }
  };
  return stubs;
}

/** What a file of Node-RED's nodes registers, without registering it. */
function registration(RED, file) {
  let registered;
  const registerType = (_type, constructor, options) => {
    registered = { constructor, options };
  };
  const nodes = Object.create(RED.nodes, { registerType: { value: registerType } });
  require(file)(Object.create(RED, { nodes: { value: nodes } }));
  return registered;
}

/**
 * Whether functions run here: those with a module that only Node.js has do, unless they say themselves where they
 * run. `placement.rs` has the same rule.
 */
const runsHere = (nativeModules) => {
  const isNative = ({ module }) => nativeModules.includes(String(module).replace(/^node:/, ""));
  return ({ runsIn, libs }) =>
    runsIn === "nodejs" || (runsIn !== "native" && Array.isArray(libs) && !libs.every(isNative));
};

function registerFunction(RED, file, isHere) {
  const { constructor, options } = registration(RED, file);
  const Stub = stub(RED);
  function FunctionHere(config) {
    return isHere(config) ? new constructor(config) : new Stub(config);
  }
  RED.nodes.registerType("function", FunctionHere, options);
  // Node-RED has made it a node.
  for (const one of [constructor, Stub]) Object.setPrototypeOf(one.prototype, FunctionHere.prototype);
}

function stub(RED) {
  return function Stub(config) {
    RED.nodes.createNode(this, config);
    // What Node-RED's flows read of nodes that watch others.
    this.scope = config.scope;
    this.uncaught = config.uncaught;
    // A handler with three parameters that does not call the last completes nothing: the native node does.
    this.on("input", (msg, _send, _done) => forward(this, msg));
  };
}

/** Types that Node-RED's runtime itself has. A message passes them on the side on which it is. */
const BUILT_IN = ["junction"];

const isStubs = (set) => set.id === "node-red/ferrowire";

// ---- Context ---------------------------------------------------------------------------------------------------------

/** Packages read context synchronously: these are pipes to a thread that answers at once. */
const pipes = {};

function readFully(length) {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) at += fs.readSync(pipes.answers, bytes, at, length - at, null);
  return bytes;
}

function askContext(question) {
  const bytes = frame(question);
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(pipes.questions, bytes, at);
  const body = readFully(readFully(4).readUInt32LE(0));
  const end = 4 + body.readUInt32LE(0);
  const answer = unpackProperties(JSON.parse(body.toString("utf8", 4, end)), body.subarray(end));
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value;
}

/** Calls `back` with the result of `work`, or returns it if there is no `back`. */
function answerTo(back, work) {
  if (!back) return work();
  let values;
  try {
    values = [undefined, work()];
  } catch (error) {
    values = [error];
  }
  back(...values);
}

const contextStore = (store) => ({
  open: async () => {},
  close: async () => {},
  delete: async () => {},
  clean: async () => {},
  get(place, key, back) {
    const get = (one) => askContext({ t: "get", store, place, key: one });
    if (!Array.isArray(key) || !back) return answerTo(back, () => (Array.isArray(key) ? key.map(get) : get(key)));
    answerTo((error, values = []) => back(error, ...values), () => key.map(get));
  },
  set(place, key, value, back) {
    const keys = Array.isArray(key) ? key : [key];
    const values = Array.isArray(key) ? [value].flat() : [value];
    const set = (one, at) => askContext({ t: "set", store, place, key: one, value: at < values.length ? values[at] : null });
    answerTo(back, () => keys.forEach(set));
  },
  keys: (place, back) => answerTo(back, () => askContext({ t: "keys", store, place })),
});

function contextStorage(stores) {
  const entries = stores.map((name) => [name, { module: () => contextStore(name) }]);
  return { ...Object.fromEntries(entries), default: stores[0] };
}

// ---- Settings --------------------------------------------------------------------------------------------------------

/** The user's `settings.js`, which is a program, so that it can only be read here. */
function readSettingsJs(userDir) {
  const file = path.join(userDir, "settings.js");
  if (!fs.existsSync(file)) return {};
  try {
    return require(file);
  } catch (error) {
    post({ t: "log", level: 30, text: `\`${file}\` cannot be read: ${error.message}` });
    return {};
  }
}

/** Node-RED's list of installed modules. */
function nodeListFile(userDir) {
  const file = path.join(userDir, ".config.nodes.json");
  return {
    read: () => (fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : undefined),
    write(nodes) {
      const text = JSON.stringify(nodes, null, 4);
      if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) return;
      try {
        fs.writeFileSync(`${file}.new`, text);
        fs.renameSync(`${file}.new`, file);
      } catch (error) {
        // The packages were found without the list, and will be found again.
        post({ t: "log", level: 30, text: `\`${file}\` cannot be written: ${error.message}` });
      }
    },
  };
}

function storage({ userDir, instanceId }) {
  const list = nodeListFile(userDir);
  const noEntries = async () => [];
  return {
    init: async () => {},
    getFlows: async () => [],
    saveFlows: async () => {},
    getCredentials: async () => ({}),
    saveCredentials: async () => {},
    getSettings: async () => ({ instanceId, telemetryEnabled: false, nodes: list.read() }),
    saveSettings: async ({ nodes }) => {
      if (nodes) list.write(nodes);
    },
    getLibraryEntry: noEntries,
    saveLibraryEntry: async () => {},
  };
}

/** Packages and modules are installed only where the native side allows it. */
function externalModules({ externalModules = {} }, { canInstall }) {
  if (canInstall) return externalModules;
  const { palette, modules } = externalModules;
  return {
    ...externalModules,
    autoInstall: false,
    palette: { ...palette, allowInstall: false },
    modules: { ...modules, allowInstall: false },
  };
}

function allSettings(options) {
  const user = readSettingsJs(options.userDir);
  const { adminAuth, httpNodeAuth, httpStaticAuth, httpStatic, ...kept } = user;
  return {
    ...kept,
    ...options.settings,
    https: options.settings.https ? {} : undefined,
    userDir: options.userDir,
    disableEditor: false,
    credentialSecret: false,
    telemetry: { enabled: false },
    externalModules: externalModules(user, options.settings),
    editorTheme: { ...user.editorTheme, projects: { enabled: false } },
    safeMode: false,
    storageModule: storage(options),
    contextStorage: contextStorage(options.stores),
    coreNodesDir: options.coreNodes ?? path.join(options.folder, "none"),
    nodesExcludes: [...(user.nodesExcludes ?? []), ...options.excludes],
    nodesDir: [writeStubs(options)],
    logging: { ferrowire: { level: "info", metrics: false, audit: false, handler: () => log } },
  };
}

// ---- What the runtime tells ------------------------------------------------------------------------------------------

function log({ level, id, msg }) {
  const text = msg instanceof Error ? (msg.stack ?? String(msg)) : typeof msg === "string" ? msg : inspect(msg);
  post({ t: "log", level, id, text: text.slice(0, MAX_TEXT) });
}

function listen(events) {
  events.on("node-status", ({ id, status }) => post({ t: "status", id, status: status ?? {} }));
  events.on("comms", ({ topic, data, retain }) => {
    post({ t: "comms", topic, data: data === undefined ? null : data, retain: Boolean(retain) });
  });
  events.on("runtime-event", ({ id, payload, retain }) => {
    // After an upgrade this process is replaced, and the native side tells of it then.
    if (/^(node|plugin)\//.test(id) && id !== "node/upgraded") post({ t: "event", id, payload: payload ?? null, retain: Boolean(retain) });
  });
}

/** Resolves when flows have started; to the reason if they have not. */
function flowsStarted(events) {
  return new Promise((resolve) => {
    const finish = (reason) => {
      events.off("flows:started", onStarted);
      events.off("runtime-event", onEvent);
      resolve(reason);
    };
    const onStarted = () => finish();
    const onEvent = ({ id, payload }) => {
      if (id !== "runtime-state" || !payload?.error) return;
      const missing = payload.types ?? payload.modules?.map(({ module, error }) => `${module} (${error})`) ?? [];
      finish(`${payload.error}: ${missing.join(", ")}`);
    };
    events.on("flows:started", onStarted);
    events.on("runtime-event", onEvent);
  });
}

// ---- HTTP ------------------------------------------------------------------------------------------------------------

/** Whether a scope of a user, such as `read`, includes the permission. */
function covers(scope, permission) {
  const [, kind] = /^(?:\*\.)?(read|write)$/.exec(scope) ?? [];
  return scope === "*" || scope === permission || (kind && permission.split(".").pop() === kind);
}

/** Whether a request has all permissions. The native side has checked who sent it, and says so in a header. */
function isPermitted(req, permissions) {
  const scopes = String(req.headers["x-ferrowire-scopes"] ?? "").split(" ").filter(Boolean);
  const isCovered = (permission) => permission === "" || scopes.some((scope) => covers(scope, permission));
  return scopes.length > 0 && [permissions ?? ""].flat().every(isCovered);
}

function needsPermission(permission) {
  return (req, res, next) => {
    if (isPermitted(req, permission)) next();
    else res.status(401).end();
  };
}

/** Asks for the user of flows, unless the native side says that the request has the password. */
function mayUseFlows(req, res, next) {
  if (req.headers["x-ferrowire-flows"]) next();
  else res.set("WWW-Authenticate", 'Basic realm="Authorization Required"').status(401).end();
}

/** Listens on a socket of its own; what the native side has no route for arrives there. */
function serve(server, app, options) {
  const { httpAdminRoot, httpNodeRoot } = options.settings;
  if (httpAdminRoot !== false) app.use(httpAdminRoot || "/", runtime.httpAdmin);
  app.use(mayUseFlows);
  if (httpNodeRoot !== false) app.use(httpNodeRoot || "/", runtime.httpNode);
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(options.http, resolve);
  });
}

// ---- Start, deploy, stop ---------------------------------------------------------------------------------------------

async function start(options) {
  // For writing as well, so that this does not wait for the other side, which is there once the next line returns.
  pipes.answers = fs.openSync(options.answers, "r+");
  pipes.questions = fs.openSync(options.questions, "w");
  const load = createRequire(path.join(options.runtime, "package.json"));
  const util = load("@node-red/util");
  runtime = load(options.runtime);
  const settings = allSettings(options);
  const app = load("express")();
  const server = http.createServer(app);
  util.init(settings);
  runtime.init(settings, server, { auth: { needsPermission }, adminApp: app, server });
  listen(util.events);
  const started = flowsStarted(util.events);
  await runtime.start();
  await started;
  await serve(server, app, options);
  return { version: settings.version, node: process.version, sets: await nodeSets(), credentials: await credentials() };
}

async function nodeSets() {
  const sets = await runtime.nodes.getNodeList({});
  return sets.filter((set) => !isStubs(set)).map((set) => ({ ...set, err: set.err && String(set.err.message ?? set.err) }));
}

/** The properties of each type that are not stored in flow files. */
async function credentials() {
  const types = (await nodeSets()).flatMap((set) => set.types);
  const definitions = types.map((type) => [type, runtime._.nodes.getCredentialDefinition(type)]);
  return Object.fromEntries(definitions.filter(([, definition]) => definition));
}

/** Lets messages inside reach the nodes at the next ends of wires: each wire takes a round of the event loop. */
async function settle() {
  for (let round = 0; round < 20; round++) await new Promise(setImmediate);
}

async function deploy({ flows, kind }) {
  await settle();
  const started = flowsStarted(runtime._.events);
  await runtime._.nodes.setFlows(flows, null, kind);
  return started;
}

/** What the editor asks for. */
const CALLS = {
  sets: nodeSets,
  credentials,
  async html({ lang }) {
    const pages = (await nodeSets()).map(({ id }) => runtime.nodes.getNodeConfig({ id, lang }));
    return (await Promise.all(pages)).join("");
  },
  setHtml: ({ id, lang }) => runtime.nodes.getNodeConfig({ id, lang }),
  module: ({ module }) => runtime.nodes.getModuleInfo({ module }),
  catalogs: ({ lang }) => runtime.nodes.getModuleCatalogs({ lang }),
  catalog: ({ module, lang }) => runtime.nodes.getModuleCatalog({ module, lang }),
  icons: () => runtime.nodes.getIconList({}),
  icon: ({ module, icon }) => runtime._.nodes.getNodeIconPath(module, icon),
  resource: ({ module, path: file }) => runtime._.nodes.getModuleResource(module, file),
  settings: () => runtime._.settings.exportNodeSettings({}),
  plugins: () => runtime.plugins.getPluginList({}),
  pluginHtml: ({ lang }) => runtime.plugins.getPluginConfigs({ lang }),
  pluginCatalogs: ({ lang }) => runtime.plugins.getPluginCatalogs({ lang }),
  install: ({ module, version, url }) => runtime.nodes.addModule({ module, version, url }),
  remove: ({ module }) => runtime.nodes.removeModule({ module }),
  enableSet: ({ id, enabled }) => runtime.nodes.setNodeSetState({ id, enabled }),
  enableModule: ({ module, enabled }) => runtime.nodes.setModuleState({ module, enabled }),
};

async function call({ n, name, args }) {
  try {
    write(frame({ t: "answer", n, value: (await CALLS[name](args)) ?? null }));
  } catch (error) {
    post({ t: "answer", n, error: error.message ?? String(error), status: error.status ?? null });
  }
}

/** Deploys run one after the other. */
let deploys = Promise.resolve();

const HANDLERS = {
  init: (options) => {
    start(options).then(
      (ready) => post({ t: "ready", ...ready }),
      (error) => post({ t: "failed", error: error.stack ?? String(error) }),
    );
  },
  deploy: ({ seq, ...wanted }) => {
    deliverAll();
    const run = () => deploy(wanted).catch((error) => error.message ?? String(error));
    deploys = deploys.then(run).then((error) => post({ t: "deployed", seq, error: error ?? null }));
  },
  message: receive,
  taken: progress,
  call,
  ping: () => post({ t: "pong", memory: process.memoryUsage.rss() }),
  stop: () => {
    deliverAll();
    deploys.then(() => runtime?.stop()).finally(() => socket.end());
  },
};

post({ t: "hello", protocol: PROTOCOL, node: process.version });

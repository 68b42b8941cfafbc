// ---- the connection ----
const CLOSE_CODES = {
  1000: "normal closure", 1001: "going away: the server stops, the endpoint was removed, or the page was left",
  1002: "protocol error", 1003: "unsupported kind of data", 1004: "reserved",
  1005: "closed without a code", 1006: "connection lost: no close frame was received",
  1007: "the payload does not fit its type, such as text that is not UTF-8", 1008: "policy violation",
  1009: "message too big", 1010: "the server lacks an extension that the client needs",
  1011: "the server met an unexpected condition", 1012: "service restart: try again",
  1013: "try again later: the server is overloaded", 1014: "bad gateway", 1015: "TLS handshake failed",
};

// A connection that ends like this is made again: the server restarts, deploys, or is not reached.
const RETRIED = [1001, 1006, 1012, 1013, 1014];
const FIRST_RETRY = 500;
const LAST_RETRY = 15_000; // milliseconds; the pause doubles up to it

let current = null; // {ws, url, protocols, access, opened, retry}
let retry = null;   // {timer, url, protocols, access, pause}: the next attempt

function absoluteUrl(text) {
  let given = text.trim();
  if (!given) throw new Error(t("no address: choose a listener or type a URL such as ws://localhost:1880/ws/echo"));
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(given)) {
    // `/path`, `//host/path`, `host:port/path`
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    given = given.startsWith("//") ? scheme + given : given.startsWith("/") ? `${scheme}//${location.host}${given}` : `${scheme}//${given}`;
  }
  let url;
  try { url = new URL(given.replace(/^http/i, "ws")); } catch { throw new Error(t("`{text}` is not a URL: write it as ws://host:port/path", { text: text.trim() })); }
  if (!/^wss?:$/.test(url.protocol)) throw new Error(t("`{scheme}` is not a WebSocket URL: it starts with ws:// or wss://", { scheme: `${url.protocol}//` }));
  url.hash = "";
  return url.href;
}

function parseList(text) { return text.split(",").map((p) => p.trim()).filter(Boolean); }

function parseProtocols(text) {
  const list = parseList(text);
  const wrong = list.find((p) => !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(p));
  if (wrong) throw new Error(t("`{name}` is not a subprotocol: names hold no spaces or separators, and commas stand between them", { name: wrong }));
  const twice = list.find((p, i) => list.indexOf(p) !== i);
  if (twice) throw new Error(t("the subprotocol `{name}` is offered twice: name it once", { name: twice }));
  return list;
}

function setState(state, name, more = "") {
  $("state").dataset.state = state;
  $("state-name").textContent = name;
  $("state-more").textContent = more;
  $("state-more").title = more;
  refreshButtons();
}

function failConnect(message, field) {
  say("connect-error", message);
  for (const id of ["url", "protocols"]) $(id).setAttribute("aria-invalid", String(id === field));
  if (field) $(field).focus();
}

function connect() {
  let url, protocols;
  const access = readAccess();
  try { url = absoluteUrl($("url").value); } catch (e) { return failConnect(e.message, "url"); }
  try { protocols = parseProtocols($("protocols").value); } catch (e) { return failConnect(e.message, "protocols"); }
  const problem = tokenProblem(url, protocols, access);
  if (problem) return failConnect(problem, access.kind === "subprotocol" ? "protocols" : "url");
  failConnect("");
  $("url").value = url;
  stored.set("sessionStorage", "url", url);
  stored.set("sessionStorage", "protocols", $("protocols").value);
  stopRetrying();
  disconnect();
  dial({ url, protocols: $("protocols").value, access, opened: false, retry: 0 }, protocols);
}

function dial(conn, protocols) {
  conn.ws = new Socket(...withToken(conn.url, protocols, conn.access));
  open(conn);
}

function open(conn) {
  current = conn;
  const { ws, url } = conn;
  setState("busy", conn.retry ? t("Reconnecting\u2026") : t("Connecting\u2026"), url);
  if (!conn.retry) note(t("Connecting to {url}", { url }));
  drawChoices();
  ws.onopen = () => {
    conn.opened = true;
    conn.retry = 0;
    const more = [
      ws.protocol && t("subprotocol {name}", { name: ws.protocol }),
      ws.extensions && t("extensions {list}", { list: ws.extensions }),
    ].filter(Boolean).join(", ");
    note(more ? t("Connected, {more}", { more }) : t("Connected"));
    sendToken(conn);
    if (current !== conn) return;
    setState("open", t("Connected"), more || url);
    if ([$("main-button"), $("switch"), $("url"), document.body].includes(document.activeElement) && !narrow.matches) $("message").focus();
  };
  ws.onrefused = (message) => {
    if (current === conn) current = null;
    setState("idle", t("Not connected"));
    failConnect(location.protocol === "https:" && url.startsWith("ws:")
      ? t("the browser allows only wss:// from a page that was loaded over https") : message, "url");
  };
  ws.onbatch = addBatch;
  ws.onclose = (event) => closed(conn, event);
}

function closed(conn, event) {
  const failed = !conn.opened && event.code === 1006;
  if (conn.cancelled) note(t("Cancelled"));
  else if (!failed) noteClose(event);
  if (current !== conn) return;
  current = null;
  if (conn.cancelled) setState("idle", t("Not connected"));
  else if ((conn.opened || conn.retry) && !conn.leaving && RETRIED.includes(event.code)) retryLater(conn);
  else if (failed) explain(conn);
  else {
    const meaning = closeMeaning(event.code);
    setState(isClean(event.code) ? "idle" : "bad", t("Closed: {code}", { code: event.code }), event.reason ? `${event.reason} (${meaning})` : meaning);
  }
  loadListeners();
}

function isClean(code) { return code === 1000 || code === 1001 || code === 1005; }

function noteClose({ code, reason }) {
  const meaning = closeMeaning(code);
  note(reason
    ? t("Closed with code {code} ({meaning}), reason: {reason}", { code, meaning, reason })
    : t("Closed with code {code} ({meaning})", { code, meaning }), !isClean(code));
}

/** Says that a connection failed, and when it is known also why. */
async function explain(conn) {
  setState("bad", t("Could not connect"), conn.url);
  const [reason, link] = await diagnose(conn);
  note(`${t("Could not connect to {url} (code 1006).", { url: conn.url })} ${reason}`, true, link);
  if (!current && !retry) setState("bad", t("Could not connect"), reason);
}

function retryLater({ url, protocols, access, retry: last }) {
  const pause = Math.min(last ? last * 2 : FIRST_RETRY, LAST_RETRY);
  if (!last) note(t("The connection is made again as soon as the server answers."));
  retry = { url, protocols, access, pause, timer: setTimeout(retryNow, pause) };
  setState("busy", t("Reconnecting\u2026"), url);
}

function retryNow() {
  if (!retry) return;
  const { url, protocols, access, pause } = retry;
  stopRetrying();
  dial({ url, protocols, access, opened: false, retry: pause }, parseProtocols(protocols));
}

function stopRetrying() {
  clearTimeout(retry?.timer);
  retry = null;
}

function closeMeaning(code) {
  if (CLOSE_CODES[code]) return t(CLOSE_CODES[code]);
  if (code >= 3000 && code < 4000) return t("code of a library or framework");
  if (code >= 4000 && code < 5000) return t("code of the application");
  return t("unknown code");
}

function disconnect() {
  if (!current) return;
  current.leaving = true;
  if (!current.opened) current.cancelled = true;
  else if (current.ws.readyState === WebSocket.OPEN) setState("busy", t("Closing\u2026"));
  current.ws.close(1000);
}

function changed() {
  const held = current ?? retry;
  return held && ($("url").value.trim() !== held.url || $("protocols").value !== held.protocols
    || JSON.stringify(readAccess()) !== JSON.stringify(held.access));
}

function refreshButtons() {
  const live = current && current.ws.readyState < WebSocket.CLOSING;
  $("main-button").textContent = retry ? t("Stop") : !current ? t("Connect") : !live ? t("Closing\u2026") : current.opened ? t("Disconnect") : t("Cancel");
  $("main-button").classList.toggle("primary", !current && !retry);
  $("main-button").disabled = Boolean(current && !live);
  $("switch").hidden = !((live || retry) && changed());
  const ready = current?.ws.readyState === WebSocket.OPEN;
  $("send-button").disabled = !ready;
  $("repeat").disabled = !ready || history.length === 0;
  $("earlier").disabled = history.length === 0;
  $("measure").disabled = !ready || current.ws.measuring;
}

$("connect").onsubmit = (event) => {
  event.preventDefault();
  const pressed = event.submitter === $("main-button");
  if ((!current && !retry) || (changed() && !pressed)) return connect();
  if (!pressed) return;
  if (retry) { stopRetrying(); setState("idle", t("Not connected")); } else { disconnect(); refreshButtons(); }
};
$("switch").onclick = connect;
for (const id of ["url", "protocols"]) {
  $(id).addEventListener("input", () => { failConnect(""); refreshButtons(); drawChoices(); });
  // Enter presses the form's first button, which may be Disconnect.
  $(id).addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if ((!current && !retry) || changed()) connect();
  });
}

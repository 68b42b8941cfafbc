// ---- sending ----
const history = []; // {mode, text}, oldest first
let at = -1;        // place in the history; -1: the draft
let draft = null;

const mode = () => document.querySelector("input[name=mode]:checked").value;
function setMode(value) { document.querySelector(`input[name=mode][value=${value}]`).checked = true; }

function bytesOf(item) { return item.mode === "binary" ? parseHex(item.text) : item.text; }

function failSend(message) {
  say("send-error", message);
  $("message").setAttribute("aria-invalid", String(Boolean(message)));
}

/** Sends an item; false when it could not be sent, which is then said. */
function transmit(item) {
  if (current?.ws.readyState !== WebSocket.OPEN) { failSend(t("not connected: connect first, then send")); return false; }
  let data;
  try { data = bytesOf(item); } catch (e) { failSend(e.message); return false; }
  failSend("");
  current.ws.send(data);
  addSent(typeof data === "string" ? data : data.buffer);
  log.follower.toEnd();
  return true;
}

function sendMessage() {
  const item = { mode: mode(), text: $("message").value };
  if (!transmit(item)) return $("message").focus();
  const last = history.at(-1);
  if (!last || last.mode !== item.mode || last.text !== item.text) history.push(item);
  if (history.length > MAX_HISTORY) history.shift();
  at = -1;
  draft = null;
  $("message").value = "";
  describeSize();
  refreshButtons();
  $("message").focus();
}

function show(item) {
  setMode(item.mode);
  $("message").value = item.text;
  $("message").setSelectionRange(item.text.length, item.text.length);
  failSend("");
  describeSize();
}

/** Arrow up on the first line and arrow down on the last walk through what was sent. */
function walk(up) {
  if (up ? at === 0 || history.length === 0 : at === -1) return false;
  if (at === -1) { draft = { mode: mode(), text: $("message").value }; at = history.length; }
  at += up ? -1 : 1;
  if (at >= history.length) { at = -1; show(draft); } else show(history[at]);
  return true;
}

function describeSize() {
  const text = $("message").value;
  const where = at >= 0 ? `${t("earlier message {at} of {n}", { at: at + 1, n: history.length })} \u00b7 ` : "";
  let size = "";
  try { size = text ? plural(mode() === "binary" ? parseHex(text).length : encoder.encode(text).length, "{n} byte", "{n} bytes") : ""; } catch { size = t("not yet hex"); }
  $("size").textContent = where + size;
}

function describeMode() {
  $("message").placeholder = mode() === "binary" ? "01 ff 7e" : t("Hello");
  failSend("");
  describeSize();
}

$("send").onsubmit = (event) => { event.preventDefault(); sendMessage(); };
// Where there is no arrow key.
$("earlier").onclick = () => { if (!walk(true) && history.length) { at = -1; show(draft); } };
$("repeat").onclick = () => { if (history.length) transmit(history.at(-1)); };
for (const radio of document.querySelectorAll("input[name=mode]")) radio.addEventListener("change", describeMode);
$("message").addEventListener("input", () => { at = -1; failSend(""); describeSize(); });
$("message").addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const field = $("message");
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  const caret = field.selectionStart === field.selectionEnd;
  const before = field.value.slice(0, field.selectionStart), after = field.value.slice(field.selectionEnd);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey || (plain && $("enter").checked))) sendMessage();
  else if (event.key === "ArrowUp" && plain && caret && !before.includes("\n") && walk(true)) { /* walked */ }
  else if (event.key === "ArrowDown" && plain && caret && !after.includes("\n") && walk(false)) { /* walked */ }
  else if (event.key === "Escape" && at !== -1) { at = -1; show(draft); }
  else return;
  event.preventDefault();
});

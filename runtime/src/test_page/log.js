// ---- lists that follow their end until the reader scrolls up ----
class Follower {
  constructor(scroll, onFollow) {
    this.scroll = scroll;
    this.following = true;
    scroll.addEventListener("scroll", () => {
      this.following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 32;
      if (this.following) onFollow?.();
    }, { passive: true });
    // A resize moves the end; keep showing it.
    new ResizeObserver(() => this.settle()).observe(scroll);
  }
  settle() { if (this.following) this.scroll.scrollTop = this.scroll.scrollHeight; }
  toEnd() { this.following = true; this.settle(); }
}

// ---- the log ----
// Entries wait here until they are drawn: once a frame, and of a flood no more than a pace allows.
const log = {
  entries: [], bytes: 0, waiting: [], waitingBytes: 0, leftOut: 0,
  unread: 0, dropped: 0, unshown: 0, drawing: false, drawnAt: 0,
  sent: { count: 0, bytes: 0 }, received: { count: 0, bytes: 0 },
  follower: null, pace: null,
};
log.follower = new Follower($("log"), () => { log.unread = 0; $("to-end").hidden = true; });

/** How many rows may be drawn: `burst` after a pause, and then `rate` a second. */
class Pace {
  constructor(burst, rate) { Object.assign(this, { burst, rate, left: burst, at: 0 }); }
  room(now) {
    this.left = Math.min(this.burst, this.left + ((now - this.at) / 1000) * this.rate);
    this.at = now;
    return Math.floor(this.left);
  }
  take(rows) { this.left = Math.max(0, this.left - rows); }
}
log.pace = new Pace(MAX_BURST, MAX_RATE);

/** entry: {way: sent|received|info|bad|gap, kind?, size?, text?, bytes?, cut?, link?} */
function addEntry(entry) {
  entry.time ??= new Date();
  entry.weight = (entry.text?.length ?? 0) * 2 + (entry.bytes?.length ?? 0);
  log.waiting.push(entry);
  log.waitingBytes += entry.weight;
  while (log.waiting.length > MAX_ENTRIES || (log.waitingBytes > MAX_LOG_BYTES && log.waiting.length > 1)) {
    log.waitingBytes -= log.waiting.shift().weight;
    log.leftOut++;
  }
  if (log.drawing) return;
  log.drawing = true;
  requestAnimationFrame(drawLog);
}

function note(text, bad, link) { addEntry({ way: bad ? "bad" : "info", text, link }); }

function drawLog(now) {
  const room = log.pace.room(now);
  if (log.waiting.length > room && now - log.drawnAt < FLOOD_PAUSE) { requestAnimationFrame(drawLog); return; }
  log.drawing = false;
  log.drawnAt = now;
  const added = takeWaiting(room);
  const rows = document.createDocumentFragment();
  for (const entry of added) rows.append(drawEntry(entry));
  log.pace.take(added.length);
  forgetOldest();
  $("hint").hidden = log.entries.length > 0;
  say("dropped", droppedText());
  $("log").append(rows);
  if (!log.follower.following) log.unread += added.length;
  log.follower.settle();
  $("to-end").hidden = log.unread === 0;
  $("to-end").textContent = `${plural(log.unread, "{n} new entry", "{n} new entries")} \u2193`;
  drawCounts();
}

/** Moves what waits into the log. Of received messages for which there is no room, the newest stay. */
function takeWaiting(room) {
  let surplus = log.waiting.length - room;
  const added = [];
  const closeGap = (time) => {
    if (log.leftOut === 0) return;
    added.push({ way: "gap", time, weight: 0, text: plural(log.leftOut, "{n} message is not shown: it came too fast", "{n} messages are not shown: they came too fast") });
    log.unshown += log.leftOut;
    log.leftOut = 0;
  };
  for (const entry of log.waiting) {
    if (surplus-- > 0 && entry.way === "received") { log.leftOut++; continue; }
    closeGap(entry.time);
    added.push(entry);
  }
  closeGap(new Date());
  log.waiting = [];
  log.waitingBytes = 0;
  for (const entry of added) { log.entries.push(entry); log.bytes += entry.weight; }
  return added;
}

function forgetOldest() {
  while (log.entries.length > MAX_ENTRIES || (log.bytes > MAX_LOG_BYTES && log.entries.length > 1)) {
    const old = log.entries.shift();
    log.bytes -= old.weight;
    log.dropped++;
    old.row.remove();
  }
}

function droppedText() {
  const kept = log.dropped ? t("The log keeps the last {n} entries; {dropped} older were dropped.", { n: number.format(MAX_ENTRIES), dropped: number.format(log.dropped) }) : "";
  const fast = log.unshown ? plural(log.unshown, "{n} message came too fast to be shown.", "{n} messages came too fast to be shown.") : "";
  return [kept, fast].filter(Boolean).join(" ");
}

function drawCounts() {
  const part = (arrow, c) => `${arrow} ${number.format(c.count)} (${sizeText(c.bytes)})`;
  $("counts").textContent = log.sent.count + log.received.count ? `${part("\u2191", log.sent)}  ${part("\u2193", log.received)}` : "";
}

const WAYS = {
  sent: ["\u2191", "sent"], received: ["\u2193", "received"], info: ["\u00b7", "note"], bad: ["!", "problem"], gap: ["\u22ef", "left out"],
};

function drawEntry(entry) {
  const [arrow, word] = WAYS[entry.way];
  const way = el("span", "way", el("span", "unseen", t(word)));
  const sign = el("span", "", arrow);
  sign.setAttribute("aria-hidden", "true");
  way.append(sign);
  const meta = el("span", "meta");
  entry.body = el("div", "body");
  entry.meta = meta;
  entry.row = el("div", `entry ${entry.way}`, timeElement(entry.time), way, entry.body, meta);
  drawBody(entry);
  return entry.row;
}

function drawBody(entry) {
  const body = entry.body;
  body.replaceChildren();
  if (!entry.kind) { drawNote(entry); return; }
  const content = entry.bytes ?? entry.text;
  const whole = entry.all || content.length <= MAX_SHOWN;
  entry.meta.textContent = [t(kindOf(entry)), sizeText(entry.size), whole && !entry.cut ? "" : t("shortened")].filter(Boolean).join(" \u00b7 ");
  if (entry.size === 0) { body.append(el("span", "empty", t("empty"))); return; }
  const shown = whole ? content : entry.bytes ? content.subarray(0, MAX_SHOWN) : content.slice(0, MAX_SHOWN);
  body.append(entry.bytes ? dumpBlock(shown, $("log").clientWidth < 780 ? 8 : 16) : textBlock(shown, $("pretty").checked && !entry.cut));
  if (!whole) {
    const n = number.format(content.length);
    body.append(expander(entry, true, entry.bytes ? t("Show all {n} bytes", { n }) : t("Show all {n} characters", { n })));
    return;
  }
  if (entry.cut) body.append(el("p", "empty", t("The log keeps the first {size} of a message; the rest is not shown.", { size: sizeText(MAX_KEPT) })));
  if (entry.all) body.append(expander(entry, false, t("Show less")));
}

function expander(entry, all, label) {
  const button = el("button", "", label);
  button.type = "button";
  button.setAttribute("aria-expanded", String(!all));
  button.onclick = () => { entry.all = all; drawBody(entry); $("log").focus(); };
  return button;
}

function drawNote(entry) {
  const paragraph = el("p", "", entry.text);
  if (entry.link) {
    const link = el("a", "", entry.link);
    Object.assign(link, { href: entry.link, target: "_blank", rel: "noreferrer" });
    paragraph.append(" ", link);
  }
  entry.body.append(paragraph);
}

/** What a message is: JSON if it is an object or an array. */
function kindOf(entry) {
  if (entry.bytes || entry.cut) return entry.kind;
  return entry.json ??= isJson(entry.text) ? "JSON" : "text";
}

/** A message that was sent, of which at most MAX_KEPT is kept. */
function addSent(data) {
  const binary = typeof data !== "string";
  const size = binary ? data.byteLength : encoder.encode(data).length;
  log.sent.count++;
  log.sent.bytes += size;
  addMessage("sent", { data: data.slice(0, MAX_KEPT), size, cut: (binary ? size : data.length) > MAX_KEPT, at: Date.now() });
}

function addMessage(way, { data, size, cut, at }) {
  const content = typeof data === "string" ? { kind: "text", text: data } : { kind: "binary", bytes: new Uint8Array(data) };
  addEntry({ way, size, cut, time: new Date(at), ...content });
}

/** Received messages, and how many more there were before them. */
function addBatch({ messages, count, bytes, leftOut }) {
  log.received.count += count;
  log.received.bytes += bytes;
  log.leftOut += leftOut;
  for (const message of messages) addMessage("received", message);
}

function clearLog() {
  Object.assign(log, { entries: [], bytes: 0, waiting: [], waitingBytes: 0, leftOut: 0, unread: 0, dropped: 0, unshown: 0, sent: { count: 0, bytes: 0 }, received: { count: 0, bytes: 0 } });
  for (const row of $("log").querySelectorAll(".entry")) row.remove();
  log.follower.toEnd();
  drawLog(performance.now());
}

function logAsText() {
  const lines = log.dropped + log.unshown ? [`(${droppedText()})`] : [];
  for (const e of [...log.entries, ...log.waiting]) {
    const [, word] = WAYS[e.way];
    const head = `${e.time.toISOString()}  ${e.kind ? `${word}  ${e.kind}  ${e.size} B` : word}`;
    const content = e.bytes ? dump(e.bytes, 16).map((row) => "  " + row.join("  ")).join("\n") : e.text;
    lines.push(e.bytes ? `${head}\n${content}` : `${head}  ${content}`);
    if (e.cut) lines.push(`  (${t("The log keeps the first {size} of a message; the rest is not shown.", { size: sizeText(MAX_KEPT) })})`);
  }
  return lines.join("\n") + "\n";
}

/** The clipboard interface exists on secure origins only; elsewhere a selection is copied. */
async function copyText(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* the older way */ }
  const area = el("textarea", "unseen");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

$("copy").onclick = async () => {
  const done = await copyText(logAsText());
  $("copy").focus();
  $("copy").textContent = done ? t("Copied") : t("Not allowed");
  setTimeout(() => { $("copy").textContent = t("Copy log"); }, 1500);
};
$("clear").onclick = clearLog;
$("to-end").onclick = () => { log.follower.toEnd(); $("log").focus(); };

// ---- the running flow: debug output, statuses, failures ----
const flow = { stream: null, pace: new Pace(MAX_FLOW_ENTRIES, MAX_RATE / 5), entries: [], dropped: 0, statuses: new Map(), waiting: [], drawing: false, follower: new Follower($("flow-log")), timer: 0 };
const FILLS = { red: "var(--bad)", green: "var(--good)", yellow: "var(--busy)", blue: "var(--blue)", grey: "var(--muted)", gray: "var(--muted)" };

function showFlow(shown) {
  $("flow").hidden = !shown;
  $("main").classList.toggle("with-flow", shown);
}

/** Reads the events until `flow.stream` is aborted or a login is missing. */
async function listen() {
  if (flow.stream) return;
  const { signal } = flow.stream = new AbortController();
  for (let pause = FIRST_RETRY; !signal.aborted; pause = Math.min(pause * 2, LAST_RETRY)) {
    try {
      const response = await request("events", signal);
      if (response.status === 401) break;
      if (response.ok) {
        pause = FIRST_RETRY;
        showFlow(true);
        $("flow-state").textContent = t("live");
        flow.statuses.clear();
        loadListeners();
        await readEvents(response.body);
      }
    } catch { /* lost, and tried again */ }
    if (signal.aborted) return;
    $("flow-state").textContent = t("reconnecting\u2026");
    await new Promise((done) => setTimeout(done, pause));
  }
  if (!signal.aborted) { flow.stream = null; showFlow(false); }
}

/** Server-sent events (WHATWG HTML, 9.2), whose `data` is one line here. */
async function readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) handleEvent(line.slice(6));
  }
}

function handleEvent(text) {
  let event;
  try { event = JSON.parse(text); } catch { return; }
  if (!event || typeof event !== "object") return;
  if (event.topic === "status") setStatus(event.node ?? {}, event.data);
  else if (event.topic === "debug" || event.topic === "failed") addFlowEntry(event);
  else if (event.topic === "lost") { flow.dropped += Number(event.data) || 0; scheduleFlow(); }
  else if (event.topic === "deployed") { loadListeners(); retryNow(); }
}

/** A node without a name is named by its path or URL, if it has one. */
function nodeName(node) { return String(node?.name || node?.path || node?.type || node?.id || t("node")); }

function nodeTitle(node) { return [node?.flow, node?.type, node?.id].filter(Boolean).join(" \u00b7 "); }

/** Node-RED's nodes name some texts by their key in the editor's catalogue. */
function statusText(text) {
  return String(text ?? "").replace(/^(?:node-red:)?common\.status\./, "").replaceAll("-", " ");
}

function setStatus(node, status) {
  const id = String(node.id ?? nodeName(node));
  const text = status?.text === undefined || /common\.status\./.test(status.text) ? statusText(status?.text) : String(status.text);
  if (!status || (!text && !status.fill)) flow.statuses.delete(id);
  else if (flow.statuses.has(id) || flow.statuses.size < MAX_STATUSES) flow.statuses.set(id, { node, text, fill: status.fill, shape: status.shape });
  scheduleFlow();
  refreshSessions();
}

function addFlowEntry(event) {
  flow.waiting.push({ event, time: new Date() });
  if (flow.waiting.length > MAX_FLOW_ENTRIES) { flow.waiting.shift(); flow.dropped++; }
  scheduleFlow();
}

function scheduleFlow() {
  if (flow.drawing) return;
  flow.drawing = true;
  requestAnimationFrame(drawFlow);
}

function drawFlow(now) {
  flow.drawing = false;
  drawStatuses();
  const waiting = flow.waiting.splice(0);
  // Of a flood, the newest are drawn.
  const tooMany = Math.max(0, waiting.length - flow.pace.room(now));
  flow.dropped += tooMany;
  flow.pace.take(waiting.length - tooMany);
  for (const { event, time } of waiting.slice(tooMany)) {
    const row = drawFlowEntry(event, time);
    flow.entries.push(row);
    $("flow-log").append(row);
    if (flow.entries.length > MAX_FLOW_ENTRIES) { flow.entries.shift().remove(); flow.dropped++; }
  }
  $("flow-hint").hidden = flow.entries.length > 0;
  say("flow-dropped", flow.dropped ? t("Up to {n} are kept; {dropped} were dropped.", { n: number.format(MAX_FLOW_ENTRIES), dropped: number.format(flow.dropped) }) : "");
  flow.follower.settle();
}

function drawStatuses() {
  const rows = [...flow.statuses.values()].map(({ node, text, fill, shape }) => {
    const sign = el("i", shape === "dot" ? "dot" : "");
    sign.setAttribute("aria-hidden", "true");
    sign.style.setProperty("--dot", FILLS[fill] ?? "var(--line-strong)");
    const who = el("span", "who", nodeName(node));
    if ((node.name || node.path) && node.type) who.append(" ", el("small", "", String(node.type)));
    who.title = nodeTitle(node);
    const what = el("span", "what", text);
    what.title = text;
    return el("li", "", sign, who, what);
  });
  $("statuses").replaceChildren(...rows);
  $("statuses").hidden = rows.length === 0;
}

function drawFlowEntry(event, time) {
  const failed = event.topic === "failed";
  if (event.topic === "session") return el("div", "entry", el("div", "head", el("b", "", event.data.text), el("span", "", event.data.what), timeElement(time)));
  const { value, label } = failed ? { value: failure(event.data), label: t("failed") } : debugValue(event.data);
  const name = el("b", "", nodeName(event.node));
  name.title = nodeTitle(event.node);
  return el("div", `entry ${failed ? "bad" : ""}`, el("div", "head", name, el("span", "", label), timeElement(time)), el("div", "body", valueBlock(value)));
}

function failure(data) {
  if (data === null || typeof data !== "object") return String(data ?? "");
  return String(data.message ?? data.error?.message ?? data.error ?? JSON.stringify(data));
}

/** The bare value, or Node-RED's debug record, in which `msg` is the value and `format` its type. */
function debugValue(data) {
  if (data === null || typeof data !== "object" || !("msg" in data && ("format" in data || "property" in data))) return { value: data, label: "" };
  const format = String(data.format ?? "");
  let value = data.msg;
  if (typeof value === "string" && !format.startsWith("string")) { try { value = JSON.parse(value); } catch { /* as it is */ } }
  if (format.startsWith("buffer") && typeof value === "string" && /^([0-9a-f]{2})*$/i.test(value)) value = { type: "Buffer", data: [...parseHex(value)] };
  const label = [data.property ? `msg.${data.property}` : "", data.topic ? t("topic {name}", { name: data.topic }) : ""].filter(Boolean).join(" \u00b7 ");
  return { value, label };
}

function valueBlock(value) {
  if (value?.type === "Buffer" && Array.isArray(value.data)) return dumpBlock(Uint8Array.from(value.data.slice(0, MAX_SHOWN)), 8);
  if (value === undefined) return el("span", "empty", "undefined");
  if (value === "") return el("span", "empty", t("empty"));
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return textBlock(text.length > 4 * MAX_SHOWN ? text.slice(0, 4 * MAX_SHOWN) + "\u2026" : text, typeof value === "object");
}

$("flow-clear").onclick = () => {
  for (const row of flow.entries.splice(0)) row.remove();
  flow.waiting = [];
  flow.dropped = 0;
  scheduleFlow();
};

document.addEventListener("visibilitychange", () => {
  clearTimeout(flow.timer);
  if (!document.hidden) { loadListeners(); return listen(); }
  flow.timer = setTimeout(() => {
    flow.stream?.abort();
    flow.stream = null;
    $("flow-state").textContent = t("paused while this tab was hidden");
  }, HIDDEN_PAUSE);
});
addEventListener("focus", loadListeners);

// ---- the sessions and rooms of the listener at the address ----
// Asked for when something of the running flow shows another status, which a connect or disconnect does.
const SESSIONS_SHOWN = 50;
const SESSIONS_PAUSE = 500; // milliseconds between two requests, at least

const sessions = { listener: null, known: null, shown: SESSIONS_SHOWN, timer: 0, asked: 0, pings: new Map() };
const admin = document.documentElement.dataset.admin; // the path of the admin API without a slash at its end; "none" without one

/** The listener whose path the address has, patterns such as /ws/:room and /live/* included. */
function listenerAt(url) {
  let target;
  try { target = new URL(absoluteUrl(url)); } catch { return null; }
  if (target.host !== location.host) return null;
  const path = decodeURI(target.pathname);
  return listeners.find((known) => known.path === path) ?? listeners.find((known) => matchesPath(known.path, path)) ?? null;
}

function matchesPath(pattern, path) {
  const wanted = pattern.split("/"), found = path.split("/");
  const rest = wanted.at(-1) === "*";
  if (rest ? found.length < wanted.length : found.length !== wanted.length) return false;
  return wanted.every((part, i) => part === found[i] || (part.startsWith(":") && found[i]) || (part === "*" && i === wanted.length - 1));
}

function refreshSessions() {
  if (sessions.timer || admin === "none") return;
  sessions.timer = setTimeout(() => { sessions.timer = 0; loadSessions(); }, SESSIONS_PAUSE);
}

async function loadSessions() {
  const listener = listenerAt($("url").value);
  if (!listener?.id || document.hidden) return showSessions(null);
  if (sessions.listener?.id !== listener.id) Object.assign(sessions, { listener, known: null, shown: SESSIONS_SHOWN });
  const asked = ++sessions.asked;
  const get = async (what) => {
    const response = await request(`${admin}/ferrowire/websocket/${encodeURIComponent(listener.id)}/${what}?limit=${sessions.shown}`);
    return response.ok ? response.json() : null;
  };
  try {
    const [found, rooms] = await Promise.all([get("sessions"), get("rooms")]);
    if (asked === sessions.asked) showSessions(found && rooms && { ...found, rooms });
  } catch { showSessions(null); }
}

function showSessions(found) {
  $("sessions").hidden = !found;
  if (!found) { sessions.known = null; return; }
  noteChanges(found);
  const rooms = byName(found.rooms.rooms);
  const several = found.rooms.rooms.length - rooms.length;
  const counts = [plural(found.total, "{n} session", "{n} sessions"), plural(found.rooms.total - several, "{n} room", "{n} rooms")];
  $("sessions-title").textContent = `${sessions.listener.path} \u00b7 ${counts.join(", ")}`;
  $("rooms").replaceChildren(...rooms.map(({ name, count }) => el("li", "", el("code", "", name), el("small", "", number.format(count)))));
  $("rooms").hidden = rooms.length === 0;
  $("session-list").replaceChildren(...found.sessions.map(drawSession));
  const more = Math.min(found.total, 200) > found.sessions.length;
  $("sessions-more").hidden = !more;
}

/** The rooms with the members of all instances, each of which lists its own. */
function byName(list) {
  const rooms = new Map();
  for (const { name, count } of list) rooms.set(name, (rooms.get(name) ?? 0) + count);
  return [...rooms].map(([name, count]) => ({ name, count }));
}

function drawSession({ id, user, address, path, protocol, seconds, rooms, instance }) {
  const about = [instance, path, protocol, address, age(seconds), ...(rooms ?? []).map((room) => `#${room}`)].filter(Boolean).join(" \u00b7 ");
  const row = el("li", "", el("b", "", user ?? id), el("span", "", about));
  row.title = [id, about].join("\n");
  const button = el("button", "quiet", sessions.pings.get(id) ?? t("Ping"));
  button.type = "button";
  button.onclick = () => ping(id, button);
  row.append(button);
  return row;
}

/** The server sends a ping to the session, which a browser answers by itself: without the flow, and without this page. */
async function ping(id, button) {
  const say = (text) => { sessions.pings.set(id, text); button.textContent = text; };
  button.disabled = true;
  try {
    const response = await request(`${admin}/ferrowire/websocket/${encodeURIComponent(sessions.listener.id)}/ping?session=${encodeURIComponent(id)}`, undefined, "POST");
    say(response.ok ? milliseconds((await response.json()).milliseconds) : response.status === 504 ? t("no answer") : t("Not allowed"));
  } catch { say(t("failed")); }
  button.disabled = false;
  // A later list must not show it for ever.
  if (sessions.pings.size > 200) sessions.pings.clear();
}

function age(seconds) {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** Connects, disconnects and moves between rooms since the last look become entries of the flow's log. */
function noteChanges({ total, sessions: list }) {
  const now = new Map(list.map((session) => [session.id, session]));
  const before = sessions.known;
  sessions.known = list.length === total ? now : null;
  if (!before || !sessions.known) return;
  const say = (session, what) => addFlowEntry({ topic: "session", node: { name: sessions.listener.path }, data: { what, text: session.user ?? session.id } });
  for (const [id, session] of now) {
    const known = before.get(id);
    if (!known) { say(session, t("connected")); continue; }
    for (const room of session.rooms) if (!known.rooms.includes(room)) say(session, t("joined {room}", { room }));
    for (const room of known.rooms) if (!session.rooms.includes(room)) say(session, t("left {room}", { room }));
  }
  for (const [id, session] of before) if (!now.has(id)) say(session, t("disconnected"));
}

$("sessions-more").onclick = () => { sessions.shown = 200; loadSessions(); };
$("url").addEventListener("change", refreshSessions);

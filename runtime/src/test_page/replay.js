// ---- replaying: what the log has as sent is sent again, with its pauses ----
const LONGEST_PAUSE = 5000;

let replaying = null; // {timer}

/** The messages that were sent and are kept whole, oldest first. */
function sentEntries() {
  return [...log.entries, ...log.waiting].filter((entry) => entry.way === "sent" && !entry.cut);
}

function replay() {
  if (replaying) return stopReplay();
  if (current?.ws.readyState !== WebSocket.OPEN) return note(t("not connected: connect first, then replay"), true);
  const entries = sentEntries();
  if (!entries.length) return note(t("The log has no message to send again."), true);
  note(plural(entries.length, "Sending {n} message again", "Sending {n} messages again"));
  replaying = { timer: 0 };
  $("replay").textContent = t("Stop replay");
  replayFrom(entries, 0);
}

function replayFrom(entries, at) {
  if (!replaying) return;
  if (current?.ws.readyState !== WebSocket.OPEN) { stopReplay(); return note(t("The replay stopped: the connection ended."), true); }
  const { bytes, text, time } = entries[at];
  const data = bytes ?? text;
  current.ws.send(data);
  addSent(bytes ? bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) : text);
  if (at + 1 === entries.length) return stopReplay();
  const pause = Math.min(LONGEST_PAUSE, Math.max(0, entries[at + 1].time - time));
  replaying.timer = setTimeout(() => replayFrom(entries, at + 1), pause);
}

function stopReplay() {
  clearTimeout(replaying?.timer);
  replaying = null;
  $("replay").textContent = t("Replay");
}
$("replay").onclick = replay;

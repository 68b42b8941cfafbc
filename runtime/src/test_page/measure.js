// ---- round trips: the time from a message to the next one that arrives ----
// Browsers send no pings of the protocol, so what is measured includes the flow. The worker measures, which
// leaves out the drawing of this page.
const MEASURED = 20;
const MEASURE_WITHIN = 5000; // milliseconds for one answer

function measureText() {
  const item = { mode: mode(), text: $("message").value || (history.at(-1)?.text ?? "") };
  try { return bytesOf(item) || "ping"; } catch { return null; }
}

function measure() {
  if (current?.ws.readyState !== WebSocket.OPEN) return failSend(t("not connected: connect first, then send"));
  const data = measureText();
  if (data === null) return failSend(t("not yet hex"));
  failSend("");
  const size = typeof data === "string" ? encoder.encode(data).length : data.length;
  note(t("Measuring {n} round trips of {size}", { n: MEASURED, size: sizeText(size) }));
  $("measure").disabled = true;
  current.ws.onmeasured = (result) => measured(result, size);
  current.ws.measure(data, MEASURED, MEASURE_WITHIN);
}

function milliseconds(time) { return `${time < 10 ? time.toFixed(2) : time.toFixed(0)} ms`; }

function measured({ times, lost }, size) {
  refreshButtons();
  // They were sent, though the log does not show them.
  const count = times.length + (lost ? 1 : 0);
  log.sent.count += count;
  log.sent.bytes += count * size;
  if (times.length) {
    const sorted = [...times].sort((a, b) => a - b);
    note(t("{n} round trips: {least} at least, {median} in the middle, {most} at most", {
      n: times.length, least: milliseconds(sorted[0]), median: milliseconds(sorted[sorted.length >> 1]), most: milliseconds(sorted.at(-1)),
    }));
  }
  if (lost) note(t("No message came back within {n} seconds: does the flow answer?", { n: MEASURE_WITHIN / 1000 }), true);
}
$("measure").onclick = measure;

// ---- the panels: which metrics are shown, and how ----
const COLOURS = ["var(--accent)", "var(--in)", "var(--blue)", "var(--key)", "var(--busy)", "var(--good)"];

const perSecond = (value) => `${number.format(Number(value.toPrecision(3)))}/s`;
const whole = (value) => number.format(Math.round(value));
const bytesPerSecond = (value) => `${sizeText(Math.round(value))}/s`;
const size = (value) => sizeText(Math.round(value));
const share = (value) => `${number.format(Number((100 * value).toFixed(1)))} %`;

/**
 * A panel shows samples by a label, or all together under the name `as`. Those that end with `_total` count, and are
 * shown as rates.
 */
const PANELS = [
  { title: "Messages received by nodes", of: [{ metric: "ferrowire_messages_received_total", by: "type" }], show: perSecond },
  { title: "Errors of nodes", of: [{ metric: "ferrowire_errors_total", by: "type" }, { metric: "ferrowire_function_timeouts_total", as: "time-outs of functions" }], show: perSecond },
  { title: "Queued messages", of: [{ metric: "ferrowire_messages_queued", by: "type" }], show: whole },
  { title: "Dropped messages", of: [{ metric: "ferrowire_messages_dropped_total", by: "queue" }, { metric: "ferrowire_websocket_messages_dropped_total", by: "reason" }], show: perSecond },
  { title: "WebSocket connections", of: [{ metric: "ferrowire_websocket_connections", by: "role" }, { metric: "ferrowire_websocket_rooms", as: "rooms" }], show: whole },
  { title: "WebSocket handshakes", of: [{ metric: "ferrowire_websocket_handshakes_total", by: "result" }], show: perSecond },
  { title: "WebSocket messages", of: [{ metric: "ferrowire_websocket_messages_received_total", as: "received" }, { metric: "ferrowire_websocket_messages_sent_total", as: "sent" }], show: perSecond },
  { title: "WebSocket bytes", of: [{ metric: "ferrowire_websocket_received_bytes_total", as: "received" }, { metric: "ferrowire_websocket_sent_bytes_total", as: "sent" }], show: bytesPerSecond },
  { title: "WebSocket closes by code", of: [{ metric: "ferrowire_websocket_closes_total", by: "code" }], show: perSecond },
  { title: "Output that waits for peers", of: [{ metric: "ferrowire_queued_output_bytes", as: "bytes" }], show: size },
  { title: "HTTP responses", of: [{ metric: "ferrowire_http_responses_total", by: "status" }], show: perSecond },
  { title: "Processor", of: [{ metric: "process_cpu_seconds_total", as: "share of one" }], show: share },
  { title: "Memory", of: [{ metric: "process_resident_memory_bytes", as: "in use" }, { metric: "ferrowire_npm_memory_bytes", as: "nodes from npm" }], show: size },
  { title: "Open files and connections", of: [{ metric: "process_open_fds", as: "open" }], show: whole },
];

const isCounter = ({ metric }) => metric.endsWith("_total");

/** The samples of a source, added up by the name under which they are shown. */
function summed(metrics, source) {
  const sums = new Map();
  for (const { labels, value } of metrics.get(source.metric) ?? []) {
    const name = source.by ? labels[source.by] ?? "" : t(source.as);
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return [...sums];
}

/** The samples of a metric by flow. */
function byFlow(metrics, metric) {
  return new Map((metrics.get(metric) ?? []).map(({ labels, value }) => [labels.flow, value]));
}

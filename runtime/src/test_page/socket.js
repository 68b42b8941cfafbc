// ---- the WebSocket, in a worker: what a flood costs the browser does not hold up the page ----

/** Serves one WebSocket for the page at `port`. Runs in a worker, so it uses nothing from outside. */
function serveSocket(port, limits) {
  const encoder = new TextEncoder();
  let ws = null, ready = true, waiting, kept;
  const reset = () => { waiting = { messages: [], count: 0, bytes: 0, leftOut: 0 }; kept = 0; };
  reset();

  // One batch at a time: the page asks for the next one when it has drawn.
  const flush = () => {
    if (waiting.count === 0) return;
    ready = false;
    port.postMessage({ batch: waiting });
    reset();
  };
  const weight = (message) => message.data.byteLength ?? message.data.length * 2;
  const take = (data) => {
    const binary = typeof data !== "string";
    const size = binary ? data.byteLength : encoder.encode(data).length;
    const message = { data: data.slice(0, limits.kept), size, cut: (binary ? size : data.length) > limits.kept, at: Date.now() };
    waiting.messages.push(message);
    waiting.count++;
    waiting.bytes += size;
    kept += weight(message);
    while (waiting.messages.length > limits.entries || (kept > limits.bytes && waiting.messages.length > 1)) {
      kept -= weight(waiting.messages.shift());
      waiting.leftOut++;
    }
    if (ready) flush();
  };
  // Round trips, one after the other: the next message is the answer.
  let measuring = null; // {data, left, times, sentAt, timer}
  const again = () => {
    measuring.sentAt = performance.now();
    measuring.timer = setTimeout(finish, measuring.within, true);
    ws.send(measuring.data);
  };
  const finish = (lost) => {
    if (!measuring) return;
    clearTimeout(measuring.timer);
    port.postMessage({ measured: { times: measuring.times, lost } });
    measuring = null;
  };
  const answered = (at) => {
    clearTimeout(measuring.timer);
    measuring.times.push(at - measuring.sentAt);
    if (measuring.times.length < measuring.count) again(); else finish(false);
  };
  const open = (url, protocols) => {
    try { ws = new WebSocket(url, protocols); } catch (error) { return port.postMessage({ refused: error.message }); }
    ws.binaryType = "arraybuffer";
    ws.onopen = () => port.postMessage({ opened: ws.protocol, extensions: ws.extensions });
    ws.onmessage = (event) => {
      const at = performance.now();
      take(event.data);
      if (measuring) answered(at);
    };
    ws.onclose = ({ code, reason }) => { finish(true); flush(); port.postMessage({ closed: { code, reason } }); };
  };
  port.onmessage = ({ data: asked }) => {
    if (asked.open) open(asked.open, asked.protocols);
    else if (asked.ready) { ready = true; flush(); }
    else if (asked.close) ws.close(asked.close);
    else if (asked.measure) { measuring = { ...asked.measure, times: [] }; again(); }
    else ws.send(asked.send);
  };
}

/** A WebSocket whose messages come in batches. */
class Socket {
  constructor(url, protocols) {
    this.readyState = WebSocket.CONNECTING;
    this.port = Socket.start();
    this.port.onmessage = ({ data }) => this.receive(data);
    this.port.postMessage({ open: url, protocols });
  }
  static start() {
    const limits = { kept: MAX_KEPT, entries: MAX_ENTRIES, bytes: MAX_LOG_BYTES };
    try {
      const source = `(${serveSocket})(self, ${JSON.stringify(limits)})`;
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const worker = new Worker(url);
      URL.revokeObjectURL(url);
      return worker;
    } catch {
      // A browser without workers.
      const { port1, port2 } = new MessageChannel();
      serveSocket(port1, limits);
      return port2;
    }
  }
  receive({ opened, extensions, batch, measured, closed, refused }) {
    if (refused !== undefined) this.onrefused(refused);
    else if (opened !== undefined) {
      this.readyState = WebSocket.OPEN;
      this.protocol = opened;
      this.extensions = extensions;
      this.onopen();
    } else if (measured) {
      this.measuring = false;
      this.onmeasured(measured);
    } else if (batch) {
      this.onbatch(batch);
      requestAnimationFrame(() => this.port?.postMessage({ ready: true }));
    } else {
      this.readyState = WebSocket.CLOSED;
      this.port.terminate?.();
      this.port.close?.();
      this.port = null;
      this.onclose(closed);
    }
  }
  /** Sends `data` `count` times, each time after the answer to the last one. */
  measure(data, count, within) {
    this.measuring = true;
    this.port.postMessage({ measure: { data, count, within } });
  }
  send(data) { this.port.postMessage({ send: data }); }
  close(code) {
    if (this.readyState < WebSocket.CLOSING) this.port.postMessage({ close: code });
    this.readyState = WebSocket.CLOSING;
  }
}


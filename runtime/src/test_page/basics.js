// Limits that keep the page usable, whatever a peer sends.
const MAX_ENTRIES = 1000;             // entries in the log
const MAX_LOG_BYTES = 32 * 1024 * 1024; // contents kept by the log
const MAX_KEPT = 256 * 1024;          // kept of one message
const MAX_SHOWN = 4096;               // shown of one message before "Show all"
const MAX_FORMATTED = 64 * 1024;      // formatted as JSON up to this length
const MAX_DEPTH = 64;                 // and up to this nesting
const MAX_HISTORY = 100;
const MAX_FLOW_ENTRIES = 200;
const MAX_STATUSES = 200;
const MAX_BURST = 400;                // rows that are drawn at once after a pause
const MAX_RATE = 250;                 // rows a second if messages keep coming
const FLOOD_PAUSE = 200;              // then, milliseconds between two drawings
const HIDDEN_PAUSE = 30_000;          // a hidden tab gives its event stream back: browsers allow six for each host

const encoder = new TextEncoder();

/** A text for one or for several, in which {n} is the number. */
function plural(count, one, many) {
  return t(count === 1 ? one : many, { n: number.format(count) });
}

function clock(date) {
  const two = (n) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function timeElement(date) {
  const time = el("time", "", clock(date));
  time.dateTime = time.title = date.toISOString();
  return time;
}

// ---- stored preferences; storage may be disabled ----
const stored = {
  get(area, key) { try { return window[area].getItem("ferrowire." + key); } catch { return null; } },
  set(area, key, value) { try { window[area].setItem("ferrowire." + key, value); } catch { /* optional */ } },
};

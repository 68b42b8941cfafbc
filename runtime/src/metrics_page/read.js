// ---- reading: the text format of Prometheus as a map from a name to its samples ----
const LARGEST = 8 * 1024 * 1024; // of an answer; what is longer is not from this runtime

/** A value of a label, whose escapes are \\, \" and \n. */
function unescape(text) {
  return text.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
}

function labelsOf(text = "") {
  const labels = {};
  for (const [, name, value] of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) labels[name] = unescape(value);
  return labels;
}

/** The samples by name: [{labels, value}]. Null if the text is something else. */
function readMetrics(text) {
  if (text.length > LARGEST) return null;
  const metrics = new Map();
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!found) continue;
    const [, name, labels, value] = found;
    if (!metrics.has(name)) metrics.set(name, []);
    metrics.get(name).push({ labels: labelsOf(labels), value: Number(value) });
  }
  return metrics.has("ferrowire_flows_running") ? metrics : null;
}

// ---- texts: hex, dumps, JSON ----

/** Bytes written in hex; spaces, commas, colons, dashes and 0x may stand between them. */
function parseHex(text) {
  const digits = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (/[\s,:;\-]/.test(c)) continue;
    if (c === "0" && /x/i.test(text[i + 1] ?? "") && digits.length % 2 === 0) { i++; continue; }
    if (!/[0-9a-f]/i.test(c)) {
      const shown = String.fromCodePoint(text.codePointAt(i));
      throw new Error(t("`{shown}` at character {at} is not a hex digit: write bytes as 0\u20139 and a\u2013f, for example 01 ff 7e", { shown, at: i + 1 }));
    }
    digits.push(c);
  }
  if (digits.length % 2) throw new Error(plural(digits.length, "{n} hex digit makes no whole byte: each byte needs two digits", "{n} hex digits make no whole bytes: each byte needs two digits"));
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits[2 * i] + digits[2 * i + 1], 16);
  return bytes;
}

function hex(bytes) {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

/** Rows of offset, bytes and printable ASCII. */
function dump(bytes, width) {
  const rows = [];
  for (let at = 0; at < bytes.length; at += width) {
    const row = bytes.subarray(at, at + width);
    const ascii = Array.from(row, (b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : ".")).join("");
    rows.push([at.toString(16).padStart(bytes.length > 0xffff ? 8 : 4, "0"), hex(row).padEnd(width * 3 - 1), ascii]);
  }
  return rows;
}

/** Whether a text that is not too long is an object or an array as JSON. */
function isJson(text) {
  if (text.length > MAX_FORMATTED || !/^\s*[{[]/.test(text)) return false;
  try { JSON.parse(text); return true; } catch { return false; }
}

/**
 * JSON text with line breaks, as [class, text] pieces. The tokens are those of the text, so that
 * long numbers and repeated keys are shown as they were sent. Null: no object or array, or too deep.
 */
function formatJson(text) {
  if (!isJson(text)) return null;
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  const pieces = [];
  let depth = 0;
  const newline = () => pieces.push(["", "\n" + "  ".repeat(depth)]);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i], next = tokens[i + 1];
    if (token === "{" || token === "[") {
      if (++depth > MAX_DEPTH) return null;
      pieces.push(["p", token]);
      if (next !== "}" && next !== "]") newline();
    } else if (token === "}" || token === "]") {
      depth--;
      if (tokens[i - 1] !== "{" && tokens[i - 1] !== "[") newline();
      pieces.push(["p", token]);
    } else if (token === ",") { pieces.push(["p", ","]); newline(); }
    else if (token === ":") pieces.push(["p", ": "]);
    else pieces.push([token[0] === '"' ? (next === ":" ? "k" : "s") : "n", token]);
  }
  return pieces;
}

function textBlock(text, pretty) {
  const pre = el("pre");
  const pieces = pretty && formatJson(text);
  if (pieces) for (const [kind, piece] of pieces) pre.append(kind ? el("span", kind, piece) : piece);
  else pre.textContent = text;
  return pre;
}

const narrow = matchMedia("(max-width: 40rem)");
function dumpBlock(bytes, width) {
  const pre = el("pre", "dump");
  dump(bytes, width).forEach(([offset, row, ascii], i) => {
    pre.append((i ? "\n" : ""), el("span", "off", offset), "  " + row + "  ", el("span", "off", ascii));
  });
  return pre;
}

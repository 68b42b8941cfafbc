// Finds the texts of a page of the runtime that are not translated.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";

const SAME = ["Ferrowire", "Ctrl", "Enter", "Esc", "Ctrl Enter"]; // in every language
const CALLS = [/\bt\(\s*("(?:[^"\\]|\\.)*")/g, /plural\([^"]*?, ("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")\)/g];

/** The texts that the scripts and the document of a page in `runtime/src` use; `patterns` find further ones. */
function textsOf(name, patterns) {
  const sources = new URL("../../src/", import.meta.url);
  const read = (path) => readFileSync(new URL(path, sources), "utf8");
  const used = new Set();
  for (const folder of [`${name}/`, "page_parts/"]) {
    for (const file of readdirSync(new URL(folder, sources)).filter((file) => file.endsWith(".js"))) {
      for (const pattern of [...CALLS, ...patterns]) {
        for (const [, ...texts] of read(folder + file).matchAll(pattern)) texts.forEach((text) => used.add(JSON.parse(text)));
      }
    }
  }
  const visible = read(`${name}/page.html`).replace(/<(style|script)>[^]*?<\/\1>|<!--[^]*?-->|%[A-Z]+%/g, "");
  for (const [, text] of visible.matchAll(/>([^<>]*\p{L}{2}[^<>]*)</gu)) used.add(text.trim());
  return { used, table: (language) => JSON.parse(read(`${name}/texts/${language}.json`)) };
}

/** Fails if a text of a page is not in each of its languages, with the same values. */
export function everyTextIsTranslated(name, least, patterns = []) {
  const { used, table } = textsOf(name, patterns);
  assert.ok(used.size > least, `${used.size} texts`);
  const values = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  for (const language of ["de", "ja", "zh-CN"]) {
    const translated = table(language);
    const missing = [...used].filter((text) => !(text in translated) && !SAME.includes(text) && !/^&\w+;$/.test(text));
    assert.deepEqual(missing, [], language);
    for (const [text, other] of Object.entries(translated)) assert.equal(values(other), values(text), `${language}: ${text}`);
  }
}

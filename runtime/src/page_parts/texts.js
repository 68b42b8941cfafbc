// ---- languages: a text is written in English and looked up by that; what is not found stays English ----
const language = (() => {
  for (const wish of [query.get("lang"), ...(navigator.languages ?? [])]) {
    const tag = wish?.toLowerCase().split("-")[0];
    if (tag === "en") return "en";
    const known = Object.keys(LANGUAGES).find((name) => name.toLowerCase().split("-")[0] === tag);
    if (known) return known;
  }
  return "en";
})();
const texts = LANGUAGES[language] ?? {};
const number = new Intl.NumberFormat(language === "en" ? "en-US" : language);

/** A text in the page's language, with values for its {names}. */
function t(text, values = {}) {
  return (texts[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Translates what the document itself says. */
function translateDocument() {
  document.documentElement.lang = language;
  document.title = t(document.title);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data } = walker.currentNode, text = data.trim();
    if (text && texts[text]) walker.currentNode.data = data.replace(text, () => texts[text]);
  }
  for (const element of document.querySelectorAll("[aria-label], [placeholder]")) {
    for (const name of ["aria-label", "placeholder"]) {
      const text = element.getAttribute(name);
      if (text && texts[text]) element.setAttribute(name, texts[text]);
    }
  }
}


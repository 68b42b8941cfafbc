// ---- drawing: each panel as lines over ten minutes, and a legend with the newest values ----
const SVG = "http://www.w3.org/2000/svg";
const MOST_LINES = 6; // of a panel; the others are shown as one

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const last = (list) => list.at(-1) ?? 0;
const peak = (list) => list.reduce((most, value) => Math.max(most, value ?? 0), 0);

/** The lines of a panel: the largest ones, and the sum of the rest. Those that were always 0 are left out if there are several. */
function linesOf(past) {
  const seen = [...past.series].sort(([, a], [, b]) => peak(b) - peak(a));
  const all = seen.length > 2 ? seen.filter(([, list]) => peak(list) > 0) : seen;
  if (all.length <= MOST_LINES) return all;
  const rest = all.splice(MOST_LINES - 1).map(([, list]) => list);
  const sum = rest[0].map((_, at) => rest.reduce((sum, list) => sum + (list[at] ?? 0), 0));
  return [...all, [t("others"), sum]];
}

/** Points of a line in a box of MOST by 100; the newest value is at its right. */
function points(list, top) {
  const from = MOST - list.length;
  return list.flatMap((value, at) => (value === null ? [] : [`${from + at},${(100 - (95 * value) / top).toFixed(2)}`])).join(" ");
}

function drawPanel(panel) {
  const lines = linesOf(panel.past);
  const top = Math.max(...lines.map(([, list]) => peak(list)), 0);
  panel.top.textContent = top > 0 ? panel.show(top) : "";
  panel.chart.replaceChildren(...lines.map(([, list], at) => svg("polyline", { points: points(list, top || 1), stroke: COLOURS[at] })));
  panel.none.hidden = lines.length > 0;
  panel.legend.replaceChildren(...lines.map(([name, list], at) => {
    const mark = el("i");
    mark.style.background = COLOURS[at];
    const label = el("span", "", name);
    label.title = name;
    return el("li", "", mark, label, el("b", "", panel.show(last(list))));
  }));
}

/** A panel of the document, which has seen nothing yet. */
function makePanel({ title, of, show }) {
  const chart = svg("svg", { viewBox: `0 0 ${MOST} 100`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const top = el("div", "top"), legend = el("ul"), none = el("small", "", t("none"));
  const heading = el("h2", "", t(title));
  const card = el("article", "card panel", heading, top, chart, none, legend);
  heading.id = `panel-${PANELS.findIndex((panel) => panel.title === title)}`;
  card.setAttribute("aria-labelledby", heading.id);
  $("panels").append(card);
  return { of, show, chart, top, none, legend, past: new Past() };
}

/** The table of flows: rates, and all errors so far. */
function drawFlows(metrics, received, sent) {
  const names = new Map((metrics.get("ferrowire_flow_info") ?? []).map(({ labels }) => [labels.flow, labels.name]));
  const errors = byFlow(metrics, "ferrowire_flow_errors_total");
  const rows = [...received].map(([flow, rate]) => {
    const failed = errors.get(flow) ?? 0;
    const cells = [names.get(flow) || flow, perSecond(rate), perSecond(sent.get(flow) ?? 0), whole(failed)];
    const row = el("tr", "", ...cells.map((cell) => el("td", "", cell)));
    if (failed) row.lastChild.className = "bad";
    return row;
  });
  $("flow-rows").replaceChildren(...rows);
  $("flows").hidden = !rows.length;
}

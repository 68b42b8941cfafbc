// ---- reading again and again, while somebody looks ----
const admin = document.documentElement.dataset.admin; // the path of the admin API
const panels = [];
const flows = { received: new Past(), sent: new Past() };
let readAt = null; // when the last answer came
let timer = 0;
let reading = null; // aborts the request that is under way

function loginText() {
  return t("The metrics are shown after a login with the permission `metrics.read`.");
}

function loginChanged() {
  read();
}

function showState(state, name, more = "") {
  $("state").dataset.state = state;
  $("state-name").textContent = t(name);
  $("state-more").textContent = more;
}

/** What the metrics say of the program as a whole. */
function showProgram(metrics) {
  const value = (name) => metrics.get(name)?.[0]?.value;
  const { version = "" } = metrics.get("ferrowire_build_info")?.[0]?.labels ?? {};
  const since = new Date(1000 * (value("process_start_time_seconds") ?? 0));
  const more = t("version {version}, since {since}", { version, since: since.toLocaleString(language) });
  const problems = value("ferrowire_flow_problems") ?? 0;
  if (value("ferrowire_draining")) showState("busy", "Ending", more);
  else if (!value("ferrowire_flows_running")) showState("bad", "The flows do not run", more);
  else if (problems) showState("busy", "The flows have problems", more);
  else showState("open", "The flows run", more);
}

function show(metrics) {
  const now = performance.now();
  const seconds = readAt === null ? 0 : (now - readAt) / 1000;
  readAt = now;
  for (const panel of panels) {
    const gauges = panel.of.filter((source) => !isCounter(source)).flatMap((source) => summed(metrics, source));
    const counters = panel.of.filter(isCounter).flatMap((source) => summed(metrics, source));
    panel.past.add([...gauges, ...panel.past.rates(counters, seconds)]);
    drawPanel(panel);
  }
  const rates = ([name, past]) => {
    const rates = past.rates([...byFlow(metrics, `ferrowire_flow_messages_${name}_total`)], seconds);
    past.add(rates);
    return new Map(rates);
  };
  const [received, sent] = Object.entries(flows).map(rates);
  if (seconds > 0) drawFlows(metrics, received, sent);
  showProgram(metrics);
}

/** One reading; what is wrong is said in place of the state. */
async function readOnce(signal) {
  const response = await request(`${admin}/metrics`, signal);
  if (response.status === 401) return showState("bad", "Not logged in");
  if (response.status === 403) return showState("bad", "Not allowed", await response.text());
  const metrics = response.ok ? readMetrics(await response.text()) : null;
  if (metrics) show(metrics);
  else showState("bad", "No metrics", t("`{path}` answers with something else", { path: `${admin}/metrics` }));
}

async function read() {
  clearTimeout(timer);
  reading?.abort();
  if (document.hidden) return;
  const own = (reading = new AbortController());
  const limit = setTimeout(() => own.abort(), 10_000);
  try {
    await readOnce(own.signal);
  } catch {
    if (reading === own) showState("bad", "The runtime does not answer");
  }
  clearTimeout(limit);
  if (reading === own) timer = setTimeout(read, PERIOD);
}

function begin() {
  translateDocument();
  if (admin === "none") return showState("bad", "No metrics", t("the admin API is switched off; see the setting `metrics`"));
  PANELS.forEach((panel) => panels.push(makePanel(panel)));
  document.addEventListener("visibilitychange", read);
  read();
}
begin();

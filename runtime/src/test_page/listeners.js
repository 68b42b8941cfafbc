// ---- the listeners of the running flow ----
let listeners = [];

async function loadListeners() {
  try {
    const response = await request("listeners");
    const list = response.ok ? await response.json() : [];
    listeners = Array.isArray(list) ? list.filter((l) => l && typeof l.path === "string") : [];
  } catch { listeners = []; }
  drawListeners();
  if (!$("url").value && listeners.length) choose(listeners[0]);
  refreshSessions();
}

function choose(listener) {
  $("url").value = absoluteUrl(listener.path.startsWith("/") ? listener.path : "/" + listener.path);
  $("protocols").value = listener.subprotocol ?? "";
  failConnect("");
  refreshButtons();
  drawChoices();
  refreshSessions();
}

function drawListeners() {
  const focused = document.activeElement?.dataset?.path;
  const items = listeners.map((listener) => {
    const button = el("button", "", el("code", "", listener.path));
    button.type = "button";
    button.dataset.path = listener.path;
    if (listener.name && listener.name !== listener.path) button.append(el("small", "", listener.name));
    if (listener.wholemsg === true || listener.wholemsg === "true") button.append(el("small", "", t("whole message")));
    if (listener.subprotocol) button.append(el("small", "", listener.subprotocol));
    button.onclick = () => choose(listener);
    return el("li", "", button);
  });
  $("listeners").replaceChildren(el("li", "", t("Listeners")), ...items);
  $("listeners").hidden = items.length === 0;
  if (focused) [...$("listeners").querySelectorAll("button")].find((b) => b.dataset.path === focused)?.focus();
  drawChoices();
}

function drawChoices() {
  for (const button of $("listeners").querySelectorAll("button")) {
    let same = false;
    try { same = absoluteUrl(button.dataset.path) === absoluteUrl($("url").value); } catch { /* no URL yet */ }
    button.setAttribute("aria-pressed", String(same));
  }
}

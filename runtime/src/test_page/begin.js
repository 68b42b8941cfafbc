// ---- preferences and the query: url, protocols, message, mode, pretty, enter, connect ----
function preference(name) {
  const box = $(name);
  const wish = query.get(name) ?? stored.get("localStorage", name);
  if (wish !== null) box.checked = !["0", "false", "no"].includes(wish);
  box.addEventListener("change", () => stored.set("localStorage", name, box.checked ? "1" : "0"));
}

function loginText() {
  return t("The running flow is shown after a login.");
}

function loginChanged() {
  loadListeners();
  listen();
}

function begin() {
  translateDocument();
  preference("pretty");
  preference("enter");
  $("pretty").addEventListener("change", () => { for (const entry of log.entries) if (entry.row && entry.kind === "text") drawBody(entry); log.follower.settle(); });
  $("url").value = query.get("url") ?? stored.get("sessionStorage", "url") ?? "";
  $("protocols").value = query.get("protocols") ?? query.get("subprotocol") ?? (query.has("url") ? "" : stored.get("sessionStorage", "protocols") ?? "");
  try { if ($("url").value) $("url").value = absoluteUrl($("url").value); } catch { /* said on connecting */ }
  $("message").value = query.get("message") ?? "";
  if (query.get("mode") === "binary") setMode("binary");
  if (/Mac|iPhone|iPad/.test(navigator.platform)) for (const key of document.querySelectorAll("kbd")) key.textContent = key.textContent.replace("Ctrl", "\u2318");
  describeMode();
  refreshButtons();
  loadListeners();
  listen();
  // A link may connect at once, but only to where this page came from.
  if (query.get("connect") === "1") {
    try { if (new URL(absoluteUrl($("url").value)).host === location.host) connect(); } catch { /* nothing to connect to */ }
  }
}
begin();

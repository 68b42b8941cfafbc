// ---- the login: that of the editor, which keeps it in this browser ----
// A page defines `loginText`, what it shows after a login, and `loginChanged`.
const editor = document.documentElement.dataset.editor; // its path, or nothing if there is none

/** The editor's tokens; its key ends with its path. Those of this runtime's editor first. */
function tokens() {
  const own = "auth-tokens" + editor.replace(/\/$/, "").replaceAll("/", "-");
  const found = [];
  try {
    for (const key of Object.keys(localStorage).filter((key) => key.startsWith("auth-tokens"))) {
      const token = JSON.parse(localStorage.getItem(key))?.access_token;
      if (typeof token === "string") found[key === own ? "unshift" : "push"](token);
    }
  } catch { /* storage is disabled, or something else is kept there */ }
  return found;
}

/** Requests data of the runtime. Without a login it says how to get one. */
async function request(path, signal, method = "GET") {
  const known = tokens();
  let response;
  for (const token of known.length ? known : [null]) {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    response = await fetch(path, { method, headers, signal, cache: "no-store" });
    if (response.status !== 401) break;
  }
  showLogin(response.status === 401);
  return response;
}

function showLogin(needed) {
  $("login").hidden = !needed;
  if (!needed || $("login").childNodes.length) return;
  const link = el("a", "", t("Log in in the editor"));
  link.href = editor;
  link.target = "_blank";
  $("login").append(loginText(), " ", editor ? link : t("This runtime has no editor to log in."));
}

// A login or a logout in another tab.
addEventListener("storage", (event) => {
  if (!event.key?.startsWith("auth-tokens")) return;
  loginChanged();
});

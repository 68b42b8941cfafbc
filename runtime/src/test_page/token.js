// ---- a token: where a browser can put one ----
// It is kept in its field only: not in the address, the log or the storage of the browser.
const TOKEN_PREFIX = "bearer.";
const TOKEN_NAMES = { query: "token", cookie: "token" };

/** How the fields say the token is to be sent; null without one. */
function readAccess() {
  const kind = $("token-kind").value, token = $("token").value;
  if (!kind || !token) return null;
  return { kind, token, name: $("token-name").value.trim() || TOKEN_NAMES[kind] };
}

/** The address and the subprotocols with the token, if it is in the handshake. Sets the cookie. */
function withToken(url, protocols, access) {
  if (access?.kind === "query") {
    const target = new URL(url);
    target.searchParams.set(access.name, access.token);
    return [target.href, protocols];
  }
  if (access?.kind === "subprotocol") return [url, [...protocols, TOKEN_PREFIX + access.token]];
  if (access?.kind === "cookie") document.cookie = `${access.name}=${encodeURIComponent(access.token)}; path=/; SameSite=Strict`;
  return [url, protocols];
}

/** What is wrong with the token for this address, in words. */
function tokenProblem(url, protocols, access) {
  if (access?.kind === "subprotocol") {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(access.token)) return t("a token in a subprotocol holds no spaces or separators: send it another way");
    if (!protocols.length) return t("a browser gives up if the server agrees to no subprotocol: enter one under Subprotocols, beside the token");
  }
  if (access?.kind === "cookie") {
    if (new URL(url).hostname !== location.hostname) return t("a page can set cookies for its own host only: connect to {host}", { host: location.hostname });
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(access.name)) return t("`{name}` is not the name of a cookie", { name: access.name });
  }
  return "";
}

/** After the handshake: a token that is the first message. */
function sendToken(conn) {
  if (conn.access?.kind !== "message") return;
  conn.ws.send(conn.access.token);
  note(t("The token was sent as the first message."));
}

function describeToken() {
  const kind = $("token-kind").value;
  $("token-row").hidden = !kind;
  $("token-name-field").hidden = !(kind in TOKEN_NAMES);
  $("token-name").placeholder = TOKEN_NAMES[kind] ?? "";
}
for (const id of ["token-kind", "token-name", "token"]) {
  $(id).addEventListener("input", () => { describeToken(); failConnect(""); refreshButtons(); });
}

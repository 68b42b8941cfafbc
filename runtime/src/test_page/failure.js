// ---- why a connection failed ----
// A script learns nothing but the code 1006. What the same place answers to HTTP tells more; what it does
// not tell is said.

const PROBE_TIME = 5000;

/** Whether anything answers; with `readable`, what. */
async function probe(url, readable) {
  const options = { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PROBE_TIME) };
  try { return await fetch(url, { ...options, mode: readable ? "same-origin" : "no-cors", redirect: readable ? "manual" : "follow" }); } catch { return null; }
}

/** The reason in words, and an address that may show more when it is opened. */
async function diagnose(conn) {
  const url = new URL(conn.url);
  if (!navigator.onLine && !isLocal(url.hostname)) return [t("This device is offline.")];
  const offered = parseProtocols(conn.protocols);
  return url.host === location.host && url.protocol === location.protocol.replace("http", "ws")
    ? diagnoseOwn(url, offered) : diagnoseForeign(url, offered);
}

async function diagnoseOwn(url, offered) {
  const response = await probe(url.href.replace(/^ws/, "http"), true);
  if (!response) return [t("The server that this page came from does not answer any more.")];
  await loadListeners();
  const listener = listeners.find((known) => known.path === decodeURI(url.pathname));
  if (!listener) return [refusal(response.status, url) ?? t("Nothing listens on the path `{path}`.", { path: url.pathname })];
  const wanted = parseList(listener.subprotocol ?? "");
  if (wanted.length && !wanted.some((name) => offered.includes(name))) {
    return [t("The listener speaks the subprotocol `{wanted}`; enter it under Subprotocols.", { wanted: wanted.join(", ") })];
  }
  return [refusal(response.status, url) ?? t("The path exists, but the handshake was refused. The browser does not say why; the log of the runtime may.")];
}

function refusal(status, url) {
  if (status === 401) return t("The path `{path}` requires a user and a password (HTTP 401).", { path: url.pathname });
  if (status === 403) return t("The server refused the request (HTTP 403): this address or this origin is not allowed.");
  if (status >= 500) return t("The server answered with HTTP {status}.", { status });
  return null;
}

async function diagnoseForeign(url, offered) {
  const secure = url.protocol === "wss:";
  const at = { host: url.host, path: url.pathname };
  const web = url.href.replace(/^ws/, "http");
  if (await probe(web)) {
    const reached = secure
      ? t("`{host}` answers HTTPS: name, port and certificate are right, so the WebSocket handshake was refused.", at)
      : t("`{host}` answers HTTP: name and port are right, so the WebSocket handshake was refused.", at);
    const causes = offered.length
      ? t("The browser does not say whether the path `{path}`, the subprotocol or the origin of this page is the reason.", at)
      : t("The browser does not say whether the path `{path}`, a missing subprotocol or the origin of this page is the reason.", at);
    return [`${reached} ${causes}`];
  }
  const other = secure ? web.replace(/^https/, "http") : web.replace(/^http/, "https");
  const allowed = location.protocol === "http:" || other.startsWith("https:");
  if (allowed && await probe(other)) {
    return [secure
      ? t("`{host}` answers without TLS only: its certificate was refused, or the address is ws:// instead of wss://.", at)
      : t("`{host}` answers with TLS only: the address is wss:// instead of ws://.", at), web];
  }
  const named = !isAddress(url.hostname);
  if (!secure) {
    return [named
      ? t("`{host}` does not answer: the host is unknown, or nothing accepts connections at this port. The browser does not say which.", at)
      : t("Nothing accepts connections at `{host}`.", at)];
  }
  const text = named
    ? t("`{host}` does not answer: the host is unknown, nothing accepts connections at this port, or the browser refused the certificate. It does not tell a page which; opened in a tab, the address shows it:", at)
    : t("Nothing accepts connections at `{host}`, or the browser refused the certificate. It does not tell a page which; opened in a tab, the address shows it:", at);
  return [text, web];
}

function isLocal(host) { return host === "localhost" || host.endsWith(".localhost") || host.startsWith("127.") || host === "[::1]"; }

function isAddress(host) { return isLocal(host) || host.startsWith("[") || /^[\d.]+$/.test(host); }

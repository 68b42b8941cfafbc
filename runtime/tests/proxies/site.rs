//! A runtime behind a proxy, and its clients at another address, which reach it by its name.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Child;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::page::Snippet;
use crate::proxy::Kind;
use crate::support::{Runtime, listener, node, set_payload, soon, tab, with, ws_in, ws_out};

/// The name of the site, which is in the page.
pub(crate) const NAME: &str = "flows.example.org";

/// The address of the clients. That of the proxy is 127.0.0.1.
const CLIENT: &str = "127.0.0.2:0";

/// The arguments that the page gives.
const ARGUMENTS: [&str; 4] = ["--trusted-proxies", "127.0.0.1", "--editor-hosts", NAME];

pub(crate) struct Site {
    _runtime: Runtime,
    _proxy: Child,
    address: SocketAddr,
    tls: TlsConnector,
    _folder: tempfile::TempDir,
}

impl Site {
    pub(crate) async fn start(kind: Kind) -> Self {
        Self::start_edited(kind, |snippet| snippet).await
    }

    /// With a user `admin` whose password is `secret`.
    pub(crate) async fn start_with_login(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("settings.toml");
        let hash = bcrypt::hash("secret", 4).unwrap();
        let users = format!(
            "[[admin-auth.users]]\nusername = 'admin'\npassword = '{hash}'\npermissions = '*'\n"
        );
        std::fs::write(&settings, users).unwrap();
        let args = ["--settings", settings.to_str().unwrap()];
        Self::start_edited_with(kind, &args, |snippet| snippet).await
    }

    /// With an edited configuration.
    pub(crate) async fn start_edited(kind: Kind, edit: impl Fn(Snippet) -> Snippet) -> Self {
        Self::start_edited_with(kind, &[], edit).await
    }

    pub(crate) async fn start_edited_with(
        kind: Kind,
        args: &[&str],
        edit: impl Fn(Snippet) -> Snippet,
    ) -> Self {
        let args = [&ARGUMENTS, args].concat();
        let runtime = Runtime::start_with(flows(), &args, &[]).await;
        let folder = tempfile::tempdir().unwrap();
        let tls = certified(folder.path());
        // The port is free until the proxy binds it, which is soon.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let place = (free.port(), runtime.address.as_str());
        let snippet = kind.placed(edit(kind.snippet()), folder.path(), place);
        let mut proxy = kind.start(&snippet, folder.path(), free.port());
        soon("the proxy to listen", listening(free, &mut proxy, folder.path())).await;
        Site { _runtime: runtime, _proxy: proxy, address: free, tls, _folder: folder }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    async fn dial(&self) -> TlsStream<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(CLIENT.parse().unwrap()).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        soon("a TLS handshake", self.tls.connect(name, stream)).await.unwrap()
    }

    /// Opens a WebSocket, as a page of `origin` would.
    pub(crate) async fn connect(
        &self,
        path: &str,
        origin: Option<&str>,
    ) -> WebSocketStream<TlsStream<TcpStream>> {
        self.upgrade(path, origin).await.unwrap()
    }

    /// The status that refuses a WebSocket.
    pub(crate) async fn refusal(&self, path: &str, origin: &str) -> u16 {
        match self.upgrade(path, Some(origin)).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            other => panic!("expected a refusal, not {other:?}"),
        }
    }

    async fn upgrade(
        &self,
        path: &str,
        origin: Option<&str>,
    ) -> Result<WebSocketStream<TlsStream<TcpStream>>, Error> {
        let url = format!("wss://{NAME}:{}{path}", self.port());
        let mut request = url.into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let (stream, _) =
            soon("a handshake", Box::pin(client_async(request, self.dial().await))).await?;
        Ok(stream)
    }

    /// Sends a request, and returns the status and the body of the response.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> (u16, String) {
        let headers = format!("{headers}Content-Length: {}\r\n", body.len());
        let mut stream = self.begin(method, path, &headers).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A server may close the connection without ending TLS.
        let _cut = soon("a response", stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, unchunked(head, body))
    }

    /// Requests a response that does not end.
    pub(crate) async fn stream(&self, path: &str) -> Endless {
        Endless(self.begin("GET", path, "").await)
    }

    async fn begin(&self, method: &str, path: &str, headers: &str) -> TlsStream<TcpStream> {
        let mut stream = self.dial().await;
        let host = format!("{NAME}:{}", self.port());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }
}

/// A response that does not end.
pub(crate) struct Endless(TlsStream<TcpStream>);

impl Endless {
    /// Reads until `part` was received, and returns what was read.
    pub(crate) async fn until(&mut self, part: &str) -> String {
        let mut read = String::new();
        let mut buffer = [0; 4_096];
        while !read.contains(part) {
            let count = self.0.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "the stream ended without `{part}`: {read}");
            read.push_str(str::from_utf8(&buffer[..count]).unwrap());
        }
        read
    }
}

/// The body of a response that has one chunk, or whose end is that of the connection.
fn unchunked(head: &str, body: &str) -> String {
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (length, rest) = body.split_once("\r\n").unwrap();
    rest.get(..usize::from_str_radix(length, 16).unwrap()).unwrap().to_owned()
}

/// Waits until the proxy accepts connections, of which it does not tell.
async fn listening(address: SocketAddr, proxy: &mut Child, folder: &Path) {
    while TcpStream::connect(address).await.is_err() {
        let pause = std::time::Duration::from_millis(10);
        if let Ok(ended) = tokio::time::timeout(pause, proxy.wait()).await {
            let log = std::fs::read_to_string(folder.join("proxy.log")).unwrap();
            panic!("the proxy ended: {ended:?}\n{log}");
        }
    }
}

/// Writes a certificate and its key, as the page names them, and returns a client that trusts it.
fn certified(folder: &Path) -> TlsConnector {
    let signed = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let (certificate, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
    for (name, text) in [
        ("flows.pem", certificate.clone()),
        ("flows.key", key.clone()),
        ("flows.both.pem", certificate + &key),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut roots = RootCertStore::empty();
    roots.add(signed.cert.der().clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// An echo at `/ws`, a listener that sends pings, and what a flow sees of a request: its address, the length of its body, a
/// parameter of its path.
fn flows() -> Value {
    let route = |id: &str, method: &str, url: &str, next: &str| {
        node(id, "http in", json!({"url": url, "method": method}), &[next])
    };
    json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["out"]),
        ws_out("out", "l"),
        with(listener("h", "/heartbeat"), json!({"heartbeat": "0.3"})),
        ws_in("in-h", "h", &[]),
        route("get-who", "get", "/who", "who"),
        set_payload("who", "req.ip", "msg", &["answer"]),
        route("post-length", "post", "/length", "length"),
        set_payload("length", "$string($length(payload))", "jsonata", &["answer"]),
        route("get-item", "get", "/item/:name", "item"),
        set_payload("item", "req.params.name", "msg", &["answer"]),
        node("answer", "http response", json!({}), &[]),
    ])
}

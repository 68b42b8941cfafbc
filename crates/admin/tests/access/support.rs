//! An admin API at a real port over an engine with two node types, and clients for it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrowire_admin::{
    Admin, AdminSettings, Auth, AuthConfig, Comms, CredentialSecret, Guard, respond,
};
use ferrowire_core::{
    Editor as EditorOf, EditorPart, FromConfig, Level, Message, Node, NodeConfig, NodeContext,
    NodeError, NodeType, Registry, Status, StopReason, Value, async_trait,
};
use ferrowire_engine::{DeployType, Engine, FlowFile};
use ferrowire_http::{Limits, Page, Registration, Routes, serve};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

/// Sets its status, logs, publishes or fails, as the message says.
struct Probe;

impl FromConfig for Probe {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Probe
    }
}

#[async_trait]
impl Node for Probe {
    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        if let Some(text) = msg.get("status").and_then(Value::as_str) {
            cx.status(match text {
                "" => Status::default(),
                text => Status::new("green", "dot", text),
            });
        }
        match msg.get("warn") {
            Some(Value::String(text)) => cx.log(Level::Warn, format_args!("{text}")),
            Some(value) => cx.log_value(Level::Warn, value.clone(), value.to_json()),
            None => {}
        }
        if let Some(data) = msg.get("debug") {
            cx.publish("debug", data.clone());
        }
        match msg.get("fail") {
            Some(Value::String(text)) => Err(NodeError::new(text.as_str())),
            Some(value) => Err(NodeError::new("as text").with_value(value.clone())),
            None => Ok(()),
        }
    }
}

/// Reports a problem in every configuration.
struct Picky;

impl FromConfig for Picky {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        config.problem("size", "expected a size");
        Picky
    }
}

#[async_trait]
impl Node for Picky {}

/// What the probe provides for its dialog.
const PART: EditorPart = EditorPart::new("probe", "<script></script>")
    .resources(&[("chart.js", b"draw()"), ("images/dot.svg", b"<svg/>")]);

fn registry() -> Registry {
    let probe = NodeType::shared::<Probe>("probe").provided_by("probes", "1.0.0");
    let mut registry = Registry::new();
    registry.add(probe.editor(EditorOf::Own(&PART))).unwrap();
    registry.add(NodeType::shared::<Picky>("picky")).unwrap();
    registry
}

pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) admin: Arc<Admin>,
    pub(crate) address: SocketAddr,
    /// The address that requests are sent from.
    pub(crate) client: IpAddr,
    comms: Comms,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<()>,
    _registrations: Vec<Registration>,
    _folder: tempfile::TempDir,
}

impl Runtime {
    pub(crate) async fn start(auth: Option<AuthConfig>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::builder(registry()).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let auth = Arc::new(Auth::new(auth, Guard::new(address, Vec::new()), None));
        let admin = Admin::new(engine.clone(), settings(folder.path()), auth, None);
        let comms = Comms::start(&admin);
        let routes = Routes::new();
        let answering = Arc::clone(&admin);
        let page: Page =
            Arc::new(move |request, peer| Box::pin(respond(Arc::clone(&answering), request, peer)));
        let registrations = vec![
            routes.add_upgrade("/comms", Arc::new(comms.clone())).unwrap(),
            routes.add_pages_below("/", page).unwrap(),
        ];
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "a test has no node to end the task with")]
        let server = tokio::spawn(serve(listener, None, routes, Limits::default(), stop.clone()));
        Runtime {
            engine,
            admin,
            address,
            client: Ipv4Addr::LOCALHOST.into(),
            comms,
            stop,
            server,
            _registrations: registrations,
            _folder: folder,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.comms.stop().await;
        self.engine.stop(StopReason::ShuttingDown).await.unwrap();
        self.server.await.unwrap();
    }

    pub(crate) async fn deploy(&self, flows: Json) {
        let file = FlowFile::parse(flows.to_string().as_bytes()).unwrap();
        match self.engine.flows().nodes().is_empty() {
            true => self.engine.start(file).await.unwrap(),
            false => self.engine.deploy(file, DeployType::Full).await.unwrap(),
        };
    }

    pub(crate) async fn to_probe(&self, msg: Json) {
        let map = Value::from(msg).as_object().cloned().unwrap();
        self.engine.deliver("p", Message::from(map)).unwrap().await;
    }

    pub(crate) async fn to_probe_value(&self, key: &'static str, value: impl Into<Value>) {
        let mut msg = Message::default();
        msg.set(key, value);
        self.engine.deliver("p", msg).unwrap().await;
    }

    pub(crate) async fn editor(&self) -> Editor {
        let url = format!("ws://{}/comms", self.address);
        Editor(tokio_tungstenite::connect_async(url).await.unwrap().0, Vec::new())
    }

    /// The status that answers an upgrade with these headers.
    pub(crate) async fn upgrade_from(&self, origin: Option<&str>, host: Option<&str>) -> u16 {
        let mut request = format!("ws://{}/comms", self.address).into_client_request().unwrap();
        for (name, value) in [("origin", origin), ("host", host)] {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((_, response)) => response.status().as_u16(),
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> (u16, Json) {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|b| ("authorization", b.as_str())).collect();
        self.request("GET", path, &headers, "").await
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: &str) -> (u16, Json) {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.iter().map(|b| ("authorization", b.as_str())));
        self.request("POST", path, &headers, body).await
    }

    pub(crate) async fn log_in(&self, fields: &[(&str, &str)]) -> (u16, Json) {
        let all = [("client_id", "node-red-editor"), ("grant_type", "password"), ("scope", "")];
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in all.iter().filter(|(name, _)| !fields.iter().any(|(n, _)| n == name)) {
            form.append_pair(name, value);
        }
        let body = form.extend_pairs(fields).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.request("POST", "/auth/token", &headers, &body).await
    }

    pub(crate) async fn log_out(&self, token: &str) -> u16 {
        let body = serde_json::json!({ "token": token }).to_string();
        self.post("/auth/revoke", Some(token), &body).await.0
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, Json) {
        let (head, body) = self.request_text(method, path, headers, body).await;
        (head.status.as_u16(), serde_json::from_slice(&body).unwrap_or(Json::Null))
    }

    pub(crate) async fn request_text(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (hyper::http::response::Parts, Bytes) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((self.client, 0).into()).unwrap();
        let tcp = socket.connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test has no node to end the task with")]
        let connection = tokio::spawn(connection);
        let mut request = hyper::Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        connection.abort();
        (head, body)
    }
}

fn settings(folder: &std::path::Path) -> AdminSettings {
    AdminSettings {
        admin_root: String::new(),
        node_root: String::new(),
        user_dir: folder.to_owned(),
        flow_files: vec![folder.join("flows.json")],
        flow_file_pretty: true,
        credential_secret: CredentialSecret::Generated,
        max_body: 5 << 20,
        safe_mode: false,
        runtime_state: false,
        editor: true,
    }
}

/// An editor at `/comms`.
pub(crate) struct Editor(WebSocketStream<MaybeTlsStream<TcpStream>>, Vec<Json>);

impl Editor {
    pub(crate) async fn send(&mut self, frame: Json) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.0.send(Frame::text(text)).await.unwrap();
    }

    /// The next frame; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Json> {
        let frame = tokio::time::timeout(Duration::from_secs(10), self.0.next());
        match frame.await.expect("a frame was expected") {
            Some(Ok(Frame::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Frame::Close(_)) | Err(_)) | None => None,
            Some(Ok(other)) => panic!("{other:?}"),
        }
    }

    /// The next message of a batch.
    pub(crate) async fn next_item(&mut self) -> Json {
        while self.1.is_empty() {
            let batch = self.next().await.expect("a batch was expected");
            self.1 = batch.as_array().expect("a list was expected").clone();
        }
        self.1.remove(0)
    }
}

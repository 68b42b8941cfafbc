//! `websocket-client`: one connection to a server, kept open while a node uses it.

use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ferrowire_core::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, Sending, StopReason,
    Value, async_trait,
};
use ferrowire_net::Stream;
use ferrowire_net::{Proxy, TlsOptions};
use hyper::header::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::closing::going_away;
use crate::connection::{Connection, Ended, Limits, NotSent, Receive};
use crate::dial::{Plan, dial};
use crate::failures::Failures;
use crate::frame::{Payload, Role};
use crate::listener::split_list;
use crate::metrics;
use crate::payload::{Mode, Session, incoming, outgoing};
use crate::settings::{Overrides, Settings};
use crate::status;
use crate::url::Url;

/// The configuration node `websocket-client`.
#[derive(Debug)]
pub struct Client {
    options: Arc<Options>,
    link: OnceLock<Arc<Link>>,
}

#[derive(Debug)]
struct Options {
    url: Option<Url>,
    tls: TlsOptions,
    mode: Mode,
    heartbeat: Option<Duration>,
    subprotocols: Vec<String>,
    headers: Vec<Header>,
    overrides: Overrides,
}

#[derive(Debug)]
struct Header {
    name: HeaderName,
    value: HeaderSource,
}

#[derive(Debug)]
enum HeaderSource {
    Value(HeaderValue),
    Environment(String),
}

impl FromConfig for Client {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let url = Url::parse(&config.text("path"));
        let url = url.map_err(|text| config.problem("path", text)).ok();
        let tls = config.referenced("tls").map(|properties| {
            TlsOptions::from_properties(&properties, |property, text| {
                config.problem("tls", format!("`{property}` of the `tls-config`: {text}"));
            })
        });
        // A day; longer intervals are of no use.
        let heartbeat = config.number_in("hb", 0.0..=86_400.0).unwrap_or(0.0).floor();
        let options = Options {
            url,
            tls: tls.unwrap_or_default(),
            mode: Mode::from_property(config.raw("wholemsg")),
            heartbeat: (heartbeat > 0.0).then(|| Duration::from_secs_f64(heartbeat)),
            subprotocols: split_list(&config.text("subprotocol")),
            headers: headers(config),
            overrides: Overrides::from_config(config),
        };
        Client { options: Arc::new(options), link: OnceLock::new() }
    }
}

/// Reads the list of `{keyType, keyValue, valueType, valueValue}`. Entries without a name or a
/// value are ignored, as in Node-RED.
fn headers(config: &mut NodeConfig<'_>) -> Vec<Header> {
    let list: Vec<Value> = match config.raw("headers") {
        None => Vec::new(),
        Some(Value::Array(list)) => list.to_vec(),
        Some(_) => {
            config.problem("headers", "expected a list of headers");
            Vec::new()
        }
    };
    list.iter()
        .filter_map(|entry| header(entry).map_err(|text| config.problem("headers", text)).ok())
        .flatten()
        .collect()
}

fn header(entry: &Value) -> Result<Option<Header>, String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = if text("keyType") == "other" { text("keyValue") } else { text("keyType") };
    let value = match text("valueType") {
        "other" | "env" => text("valueValue"),
        fixed => fixed,
    };
    if name.is_empty() || value.is_empty() {
        return Ok(None);
    }
    let name = name.parse().map_err(|_| format!("invalid header name `{name}`"))?;
    let value = if text("valueType") == "env" {
        HeaderSource::Environment(value.to_owned())
    } else {
        let parsed = HeaderValue::from_str(value);
        HeaderSource::Value(parsed.map_err(|_| format!("invalid header value `{value}`"))?)
    };
    Ok(Some(Header { name, value }))
}

#[async_trait]
impl Node for Client {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let settings = Settings::of(cx);
        let link = Arc::new(Link {
            cx: cx.clone(),
            options: Arc::clone(&self.options),
            limits: self.options.overrides.over(settings.limits),
            first_delay: settings.reconnect,
            handshake: settings.handshake,
            current: Mutex::default(),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        if self.link.set(Arc::clone(&link)).is_ok() {
            cx.spawn(async move {
                link.keep_up().await;
                link.ended.cancel();
            });
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        match self.link.get() {
            Some(link) => link.send(msg),
            None => Handled::Done,
        }
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        if let Some(link) = self.link.get() {
            link.stop().await;
        }
    }
}

/// The connection and its options.
#[derive(Debug)]
struct Link {
    cx: NodeContext,
    options: Arc<Options>,
    limits: Limits,
    /// The delay between the end of a connection and the next attempt.
    first_delay: Duration,
    /// The time limit from the first packet to the end of the handshake.
    handshake: Duration,
    current: Mutex<Option<Current>>,
    stop: CancellationToken,
    ended: CancellationToken,
}

#[derive(Clone, Debug)]
struct Current {
    session: Session,
    connection: Arc<Connection<Stream>>,
}

impl Link {
    /// Connects while a node uses this one, and reconnects after every end, until it stops.
    async fn keep_up(&self) {
        let mut users = self.cx.users();
        let mut backoff = Backoff::new(self.first_delay);
        let mut failures = Failures::default();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                // The sender lives as long as this node.
                used = users.wait_for(|users| !users.is_empty()) => if used.is_err() { return },
            }
            if self.connect_once(&mut failures).await {
                backoff.reset();
            }
            tokio::select! {
                () = self.unwanted() => backoff.reset(),
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Ends when no node uses this one any more, or it stops.
    async fn unwanted(&self) {
        let mut users = self.cx.users();
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = users.wait_for(|users| users.is_empty()) => {}
        }
    }

    /// Dials and serves one connection; whether it was established.
    async fn connect_once(&self, failures: &mut Failures) -> bool {
        let session = Session::new();
        let established = tokio::select! {
            established = self.establish() => established,
            () = self.unwanted() => return false,
        };
        match established {
            Ok((stream, early)) => {
                let failed = failures.end();
                if failed > 0 {
                    self.cx.info_log(format_args!("connected, failed attempts before: {failed}"));
                }
                self.serve(session, stream, early).await;
                true
            }
            Err(error) => {
                let text = error.chain();
                match failures.add(&text) {
                    Some(warning) => self.cx.warn(warning),
                    None => self.cx.debug(text),
                }
                self.cx.status_of_users(status::error(&session));
                self.cx.status_of_users(status::disconnected(&session));
                false
            }
        }
    }

    async fn establish(&self) -> Result<(Stream, bytes::Bytes), NodeError> {
        let plan = self.plan().await.map_err(NodeError::new)?;
        let (host, port) = (&plan.url.host, plan.url.port);
        match tokio::time::timeout(self.handshake, dial(&plan)).await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(NodeError::caused_by("cannot connect", error)),
            Err(_) => Err(NodeError::new(format!(
                "cannot connect: {host}:{port} did not finish the handshake within {:?}",
                self.handshake
            ))),
        }
    }

    async fn plan(&self) -> Result<Plan, String> {
        let url = self.options.url.clone().ok_or("the URL is invalid")?;
        let env =
            |name: &str| self.cx.env(name).and_then(|value| value.as_str().map(str::to_owned));
        let mut headers = Vec::new();
        for Header { name, value } in &self.options.headers {
            let value = match value {
                HeaderSource::Value(value) => value.clone(),
                HeaderSource::Environment(variable) => match env(variable) {
                    None => continue,
                    Some(text) => HeaderValue::try_from(text).map_err(|_| {
                        format!("invalid header value in the environment variable `{variable}`")
                    })?,
                },
            };
            headers.push((name.clone(), value));
        }
        let tls = match url.secure {
            true => Some(self.tls().await?),
            false => None,
        };
        let proxy = Proxy::from_environment(url.secure, &url.host, url.port, env)?;
        let subprotocols = self.options.subprotocols.clone();
        Ok(Plan { url, subprotocols, headers, proxy, tls })
    }

    async fn tls(
        &self,
    ) -> Result<(Arc<tokio_rustls::rustls::ClientConfig>, Option<String>), String> {
        let env = |name: &str| self.cx.env(name)?.as_str().map(str::to_owned);
        let options = self.options.tls.clone().with_environment(env);
        let name = options.server_name.clone();
        // Reads files, including the system's certificates.
        let config = tokio::task::spawn_blocking(move || options.client_config()).await;
        Ok((config.map_err(|error| error.to_string())??, name))
    }

    async fn serve(&self, session: Session, stream: Stream, early: bytes::Bytes) {
        let connection = Connection::new(stream, Role::Client, self.limits);
        let current = Current { session: session.clone(), connection: Arc::clone(&connection) };
        *self.lock() = Some(current);
        metrics::OPEN_CLIENTS.add(1);
        let _open = Open;
        self.cx.status_of_users(status::connected("", "connect", &session));
        let receiver = Inbound { link: self, session: &session };
        let mut run = pin!(Arc::clone(&connection).run(early, &receiver));
        let ended = tokio::select! {
            ended = &mut run => ended,
            () = self.heartbeat(&connection) => Ended::Lost("it did not answer a ping in time"),
            () = self.unwanted() => {
                connection.close(&going_away());
                run.await
            }
        };
        connection.abort();
        *self.lock() = None;
        self.cx.debug(format_args!("the connection ended: {}", status::describe(&ended)));
        if !matches!(ended, Ended::Closed(_)) {
            self.cx.status_of_users(status::error(&session));
        }
        self.cx.status_of_users(status::disconnected(&session));
    }

    /// Sends a ping at each interval; ends when an interval passed without an answer.
    async fn heartbeat(&self, connection: &Arc<Connection<Stream>>) {
        let Some(interval) = self.options.heartbeat else { return std::future::pending().await };
        let mut ticks = tokio::time::interval(interval);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if !connection.take_alive() {
                return;
            }
            connection.ping();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends to the server, unless the message is for another session.
    fn send(self: &Arc<Self>, msg: Message) -> Handled {
        let Some(Current { session, connection }) = self.lock().clone() else {
            metrics::DROPPED_GONE.increment();
            self.cx.warn("not connected; the message was dropped");
            return Handled::Done;
        };
        if Session::id_in(&msg).is_some_and(|id| session.id != id) {
            self.cx.debug("the message is for another session; it was dropped");
            return Handled::Done;
        }
        let payload = match outgoing(self.options.mode, msg) {
            Ok(Some(payload)) => payload,
            Ok(None) => return Handled::Done,
            Err(error) => return Handled::Failed(error.into()),
        };
        match connection.send(payload) {
            Ok(()) => {
                metrics::SENT_CLIENTS.increment();
                Handled::Done
            }
            Err(NotSent::Closed) => {
                metrics::DROPPED_GONE.increment();
                self.cx.warn("the connection is closing; the message was dropped");
                Handled::Done
            }
            Err(NotSent::Full(payload)) => {
                Handled::Later(Box::pin(when_possible(Arc::clone(self), connection, payload)))
            }
        }
    }

    /// Waits until the connection is closed.
    async fn stop(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

/// Waits until the server reads; with a single peer, the senders may wait for it.
async fn when_possible(
    link: Arc<Link>,
    connection: Arc<Connection<Stream>>,
    mut payload: Payload,
) -> Result<(), NodeError> {
    loop {
        connection.room().await;
        match connection.send(payload) {
            Ok(()) => {
                metrics::SENT_CLIENTS.increment();
                return Ok(());
            }
            Err(NotSent::Full(again)) => payload = again,
            Err(NotSent::Closed) => {
                metrics::DROPPED_GONE.increment();
                link.cx.warn("the connection ended; the message was dropped");
                return Ok(());
            }
        }
    }
}

/// Counts as an open connection until dropped, even if the task is cancelled.
struct Open;

impl Drop for Open {
    fn drop(&mut self) {
        metrics::OPEN_CLIENTS.add(-1);
    }
}

/// Sends the server's messages into the flow.
struct Inbound<'a> {
    link: &'a Link,
    session: &'a Session,
}

impl Receive for Inbound<'_> {
    fn message(&self, payload: Payload) -> Sending {
        metrics::RECEIVED_CLIENTS.increment();
        self.link.cx.send(0, incoming(self.link.options.mode, payload, self.session))
    }
}

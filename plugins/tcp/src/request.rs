//! `TcpRequest`: the node `tcp request`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::{
    FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, Sending, Status,
    StopReason, Value, async_trait,
};

use crate::client::chain;
use crate::exchange::{Done, Exchange};
use crate::framing::{FramingOptions, unescaped};
use crate::security::Security;
use crate::status;

/// Node-RED's `tcp request`.
#[derive(Debug)]
pub struct TcpRequest(Arc<Requests>);

#[derive(Debug)]
struct Requests {
    host: String,
    port: String,
    security: Security,
    response: Response,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// The connections by host and port.
    exchanges: BTreeMap<String, Arc<Exchange>>,
    /// The name of the last one.
    last: String,
}

/// When a response is complete, and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) mode: Mode,
    is_text: bool,
    /// Of texts of a connection that is kept open.
    pub(crate) framing: Option<FramingOptions>,
}

/// The property `out`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// A time after the first byte.
    Time(Duration),
    Count(usize),
    Char(u8),
    /// Never: all data is sent as it arrives.
    Stay,
    /// No response is waited for.
    Immediately,
}

impl Response {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let is_text = config.text("ret") == "string";
        let delimiter = unescaped(&config.text("newline"));
        let keeps = config.boolean("trim", false);
        Response {
            mode: Mode::from_config(config),
            is_text,
            framing: is_text.then(|| FramingOptions::of_lines(&delimiter, keeps)),
        }
    }

    /// A response as payload.
    pub(crate) fn value(&self, bytes: Bytes) -> Value {
        match self.is_text {
            true => String::from_utf8_lossy(&bytes).as_ref().into(),
            false => bytes.into(),
        }
    }
}

impl Mode {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let text = config.text("splitc");
        let number = javascript::number(Some(&text.as_str().into()));
        match config.text("out").as_str() {
            "immed" => Mode::Immediately,
            "time" if number < 0.0 => Mode::Immediately,
            "time" if number.is_nan() => Mode::Time(Duration::ZERO),
            // A day; longer times are of no use.
            "time" => Mode::Time(Duration::from_secs_f64(number.clamp(0.0, 86_400_000.0) / 1000.0)),
            "count" => Mode::Count((number.max(1.0) as usize).max(1)),
            "sit" => Mode::Stay,
            _ => Mode::Char(character(&text)),
        }
    }
}

/// The byte of a character: itself, `\n` and the like, or its number as `0x0a`.
fn character(text: &str) -> u8 {
    let escaped = text.strip_prefix('\\').and_then(|rest| rest.chars().next());
    let number = text.strip_prefix("0x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
    match (escaped, number) {
        (Some('n'), _) => b'\n',
        (Some('r'), _) => b'\r',
        (Some('t'), _) => b'\t',
        (Some('e'), _) => 0x1b,
        (Some('f'), _) => 0x0c,
        (Some('0'), _) => 0,
        (_, Some(number)) => number,
        _ => text.bytes().next().unwrap_or_default(),
    }
}

impl FromConfig for TcpRequest {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        TcpRequest(Arc::new(Requests {
            host: config.text("server"),
            port: config.text("port"),
            security: Security::from_config(config),
            response: Response::from_config(config),
            open: Mutex::default(),
        }))
    }
}

#[async_trait]
impl Node for TcpRequest {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        match msg.payload() {
            None | Some(Value::Buffer(_) | Value::String(_)) => {}
            Some(payload) => {
                let text = javascript::text(Some(payload));
                msg.set("payload", text);
            }
        }
        if self.0.response.mode == Mode::Stay && msg.get("reset").is_some_and(Value::is_truthy) {
            self.0.reset(msg.get("reset"), cx);
            if !msg.contains_key("payload") {
                // As in Node-RED, it is not completed.
                return Handled::Kept(Sending::done());
            }
        }
        let Some((host, port)) = self.0.target(&msg) else {
            cx.warn("Host and/or port not set");
            return Handled::Kept(Sending::done());
        };
        Handled::Kept(Requests::send(&self.0, host, port, msg, cx))
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        let open = std::mem::take(&mut *self.0.open.locked());
        open.exchanges.values().for_each(|exchange| exchange.destroyed.cancel());
        cx.status(Status::default());
    }
}

impl Requests {
    /// The host and port: those of the node, or of the message.
    fn target(&self, msg: &Message) -> Option<(String, u16)> {
        let given = |own: &str, name: &str| match own {
            "" | "0" => msg.get(name).filter(|value| value.is_truthy()).cloned(),
            own => Some(Value::from(own)),
        };
        let (host, port) = (given(&self.host, "host")?, given(&self.port, "port")?);
        let port = javascript::number(Some(&port));
        (1.0..=65_535.0).contains(&port).then(|| (javascript::text(Some(&host)), port as u16))
    }

    /// Hands a message to its connection, which is opened if there is none.
    fn send(this: &Arc<Self>, host: String, port: u16, msg: Message, cx: &NodeContext) -> Sending {
        let name = format!("{host}:{port}");
        let mut open = this.open.locked();
        if open.last != name {
            cx.status(Status::default());
            open.last.clone_from(&name);
        }
        let msg = match open.exchanges.get(&name).map(|exchange| exchange.add(msg.clone())) {
            Some(Ok(dropped)) => {
                drop(open);
                return fail(dropped, "too many messages wait for the connection", cx);
            }
            Some(Err(msg)) => msg,
            None => msg,
        };
        let exchange = Arc::new(Exchange::new(msg.clone(), cx));
        open.exchanges.insert(name, Arc::clone(&exchange));
        drop(open);
        let connection =
            Connection { requests: Arc::clone(this), exchange, host, port, first: msg };
        let own = cx.clone();
        cx.spawn(async move { connection.run(&own).await });
        Sending::done()
    }

    /// Closes all connections, or the one that is named.
    fn reset(&self, which: Option<&Value>, cx: &NodeContext) {
        let mut open = self.open.locked();
        let closed: Vec<Arc<Exchange>> = match which {
            Some(Value::Bool(true)) => std::mem::take(&mut open.exchanges).into_values().collect(),
            Some(Value::String(name)) => open.exchanges.remove(name.as_str()).into_iter().collect(),
            _ => Vec::new(),
        };
        closed.iter().for_each(|exchange| exchange.destroyed.cancel());
        let count = open.exchanges.len();
        let shape = if count == 0 { "ring" } else { "dot" };
        cx.status(Status::new("green", shape, status::count(count)));
    }

    fn remove(&self, name: &str, exchange: &Arc<Exchange>) {
        let mut open = self.open.locked();
        if open.exchanges.get(name).is_some_and(|other| Arc::ptr_eq(other, exchange)) {
            open.exchanges.remove(name);
        }
    }
}

/// Fails messages, each with this error.
fn fail(messages: Vec<Message>, text: &str, cx: &NodeContext) -> Sending {
    if messages.is_empty() {
        return Sending::done();
    }
    let failing: Vec<Sending> =
        messages.into_iter().map(|msg| cx.fail_with(text.to_owned(), msg)).collect();
    Sending::later(Box::pin(async move {
        for one in failing {
            one.await;
        }
    }))
}

/// A connection, from its begin to its end.
struct Connection {
    requests: Arc<Requests>,
    exchange: Arc<Exchange>,
    host: String,
    port: u16,
    first: Message,
}

impl Connection {
    async fn run(self, cx: &NodeContext) {
        let destroyed = self.exchange.destroyed.clone();
        let done = tokio::select! {
            done = self.connect(cx) => done,
            () = destroyed.cancelled() => return drop(self.exchange.end()),
        };
        let name = format!("{}:{}", self.host, self.port);
        match done {
            Ok(Done::Answered) => {
                self.requests.remove(&name, &self.exchange);
                cx.status(Status::default());
            }
            // It stays among the connections, as in Node-RED; the next message opens another one.
            Ok(Done::Closed) => {
                cx.status(Status::new("grey", "ring", "common.status.disconnected"));
            }
            Ok(Done::Idle) => {
                cx.status(Status::new("grey", "dot", "tcpin.errors.connect-timeout"));
            }
            Err(reason) => {
                self.requests.remove(&name, &self.exchange);
                cx.info_log(reason);
                cx.status(Status::new("red", "ring", "common.status.error"));
                cx.fail_with(format!("connect failed {name}"), self.first.clone()).await;
            }
        }
        let mut rest = self.exchange.end();
        rest.retain(|msg| msg != &self.first);
        fail(rest, "the connection has ended; the message was not sent", cx).await;
    }

    async fn connect(&self, cx: &NodeContext) -> Result<Done, String> {
        let requests = &self.requests;
        let stream = requests.security.connect(&self.host, self.port, cx).await;
        let stream = stream.map_err(|error| chain(&error))?;
        let count = requests.open.locked().exchanges.len();
        cx.status(Status::new("green", "dot", status::count(count)));
        let done = self.exchange.run(stream, &requests.response, cx).await;
        done.map_err(|error| error.to_string())
    }
}

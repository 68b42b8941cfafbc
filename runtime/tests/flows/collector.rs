//! A receiver of OTLP over HTTP, for the tests of traces.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::soon;

/// How a collector responds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answers {
    Ok,
    Status(u16),
    Never,
}

/// A collector and what it has received.
pub(crate) struct Collector {
    pub(crate) url: String,
    received: Arc<Mutex<Received>>,
    changed: watch::Receiver<usize>,
    answers: watch::Sender<Answers>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    heads: Vec<String>,
    resources: Vec<Value>,
}

/// A span as it was received.
#[derive(Clone)]
pub(crate) struct Span(pub(crate) Value);

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, parent) = (self.node(), self.parent());
        write!(f, "{node}: span {} below {parent:?} in trace {}", self.id(), self.trace())
    }
}

impl Span {
    pub(crate) fn id(&self) -> &str {
        self.0["spanId"].as_str().unwrap()
    }

    pub(crate) fn trace(&self) -> &str {
        self.0["traceId"].as_str().unwrap()
    }

    pub(crate) fn parent(&self) -> Option<&str> {
        self.0["parentSpanId"].as_str()
    }

    /// An attribute, as its text or number.
    pub(crate) fn attribute(&self, key: &str) -> Value {
        let all = self.0["attributes"].as_array().unwrap();
        let found = all.iter().find(|it| it["key"] == key);
        found.map_or(Value::Null, |it| {
            it["value"].as_object().unwrap().values().next().unwrap().clone()
        })
    }

    pub(crate) fn node(&self) -> String {
        self.attribute("ferrowire.node.id").as_str().unwrap().to_owned()
    }

    /// Milliseconds in an attribute.
    pub(crate) fn milliseconds(&self, key: &str) -> f64 {
        self.attribute(key).as_f64().unwrap()
    }

    /// From its start to its end.
    pub(crate) fn took(&self) -> f64 {
        let time = |key: &str| self.0[key].as_str().unwrap().parse::<u64>().unwrap();
        (time("endTimeUnixNano") - time("startTimeUnixNano")) as f64 / 1e6
    }
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::answering(Answers::Ok).await
    }

    pub(crate) async fn answering(first: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::default());
        let (tell, changed) = watch::channel(0);
        let (answers, answer) = watch::channel(first);
        let mut serving = JoinSet::new();
        let to = Arc::clone(&received);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let serve = serve(stream, Arc::clone(&to), tell.clone(), answer.clone());
                connections.spawn(async move { drop(serve.await) });
            }
        });
        Collector { url, received, changed, answers, _serving: serving }
    }

    /// What requests are answered with from now on.
    pub(crate) fn answer(&self, with: Answers) {
        self.answers.send_replace(with);
    }

    /// The spans that were taken, once there are `count`.
    pub(crate) async fn spans(&mut self, count: usize) -> Vec<Span> {
        soon(&format!("{count} spans"), async {
            while self.received.lock().unwrap().spans.len() < count {
                self.changed.changed().await.unwrap();
            }
        })
        .await;
        self.received.lock().unwrap().spans.clone()
    }

    /// The spans, by the id of their node; each has one.
    pub(crate) async fn by_node(&mut self, count: usize) -> HashMap<String, Span> {
        let spans = self.spans(count).await;
        let by_node: HashMap<_, _> = spans.into_iter().map(|span| (span.node(), span)).collect();
        assert_eq!(by_node.len(), count, "{by_node:#?}");
        by_node
    }

    /// Waits for a request, taken or not.
    pub(crate) async fn request(&mut self, number: usize) {
        let reached = self.changed.wait_for(|count| *count >= number);
        drop(soon("a request", reached).await.unwrap());
    }

    /// The heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.received.lock().unwrap().heads.clone()
    }

    pub(crate) fn resources(&self) -> Vec<Value> {
        self.received.lock().unwrap().resources.clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    received: Arc<Mutex<Received>>,
    tell: watch::Sender<usize>,
    answer: watch::Receiver<Answers>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8(bytes.drain(..end + 4).collect()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let length: usize = length.parse().unwrap();
        while bytes.len() < length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let body: Value =
            serde_json::from_slice(&bytes.drain(..length).collect::<Vec<_>>()).unwrap();
        let answer = *answer.borrow();
        note(&received, head, body, answer == Answers::Ok);
        tell.send_modify(|count| *count += 1);
        let response = match answer {
            Answers::Ok => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
            Answers::Status(status) => {
                format!("HTTP/1.1 {status} No\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")
            }
            Answers::Never => std::future::pending().await,
        };
        stream.write_all(response.as_bytes()).await?;
    }
}

fn note(received: &Mutex<Received>, head: String, body: Value, is_taken: bool) {
    let mut received = received.lock().unwrap();
    received.heads.push(head);
    if !is_taken {
        return;
    }
    for of_resource in body["resourceSpans"].as_array().unwrap() {
        received.resources.push(of_resource["resource"].clone());
        for of_scope in of_resource["scopeSpans"].as_array().unwrap() {
            let spans = of_scope["spans"].as_array().unwrap();
            received.spans.extend(spans.iter().cloned().map(Span));
        }
    }
}

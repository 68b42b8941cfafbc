//! The runtime's own pages: `/ferrowire/test` and the data it requests, and `/ferrowire/metrics`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use ferrowire_admin::{Admin, Reply, authorize};
use ferrowire_core::{Map, NodeInfo, Status, Value};
use ferrowire_engine::{Engine, Event};
use ferrowire_http::{
    Body, Layer, Page, Registration, Request, Response, Routes, Turn, full, text,
};
use futures_util::stream::{self, Stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::node_places::{NodePlaces, listener_path, text as property};
use crate::page_parts::Roots;
use crate::settings::Settings;
use crate::{metrics_page, test_page};

/// The content security policy of the test page: its own inline parts, a worker made of one of them,
/// and any WebSocket.
const TEST_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      worker-src blob:; connect-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The content security policy of the page of metrics: its own inline parts, and the metrics.
const METRICS_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                              connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The interval of keep-alives in an event stream.
const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(15);

/// Adds the pages to `routes`, while the registrations exist. Event streams end when `stop` is
/// cancelled.
pub(crate) fn serve_at(
    routes: &Routes,
    admin: &Arc<Admin>,
    settings: &Settings,
    stop: &CancellationToken,
) -> Vec<Registration> {
    let (for_list, for_events) = (admin.engine().clone(), admin.engine().clone());
    let stop = stop.clone();
    let (root, root_of_events) = (settings.http_node_root.clone(), settings.http_node_root.clone());
    let home = home(admin, settings);
    let admin_root = settings.http_admin_root.as_deref();
    let roots = Roots { editor: editor_root(admin, settings), admin: admin_root };
    let test_page = document(test_page::document(roots), TEST_POLICY);
    let metrics_page = document(metrics_page::document(roots), METRICS_POLICY);
    let events = move || events(&for_events, root_of_events.clone(), stop.clone());
    let pages: [(&str, Page); 5] = [
        ("/ferrowire", guarded(admin, page(home.clone()))),
        ("/ferrowire/test", guarded(admin, page(test_page))),
        ("/ferrowire/metrics", guarded(admin, page(metrics_page))),
        ("/ferrowire/listeners", private(admin, page(move || listeners(&for_list, &root)))),
        ("/ferrowire/events", private(admin, page(events))),
    ];
    let add = |(path, page)| match routes.add_page(path, page) {
        Ok(registration) => Some(registration),
        Err(error) => {
            error!("{error}");
            None
        }
    };
    // The editor is at the root of the port, unless configured elsewhere.
    let at_root = (settings.http_admin_root.as_deref() != Some(""))
        .then(|| at_root(routes, guarded(admin, page(home))));
    pages.into_iter().filter_map(add).chain(at_root).collect()
}

/// The page at the root of the port if no flow serves one.
fn at_root(routes: &Routes, home: Page) -> Registration {
    let (registration, _) = routes.add_layer(Layer {
        turn: Turn::Last,
        below: "/".to_owned(),
        what: String::new(),
        who: String::new(),
        find: Arc::new(move |request| (request.uri().path() == "/").then(|| Arc::clone(&home))),
    });
    registration
}

fn page(respond: impl Fn() -> Response + Send + Sync + 'static) -> Page {
    Arc::new(move |request, _| {
        let response = match *request.method() {
            Method::GET | Method::HEAD => respond(),
            _ => text(StatusCode::METHOD_NOT_ALLOWED, "only GET is supported"),
        };
        Box::pin(std::future::ready(response))
    })
}

/// Pages that web pages of other sites must not read, by making their host name that of this runtime.
fn guarded(admin: &Arc<Admin>, page: Page) -> Page {
    let admin = Arc::clone(admin);
    checked(page, move |head| admin.auth().guard(head))
}

/// Data of the flows requires the same permission as in the editor.
fn private(admin: &Arc<Admin>, page: Page) -> Page {
    let admin = Arc::clone(admin);
    checked(page, move |head| authorize(&admin, head, "status.read").map(drop))
}

fn checked(
    page: Page,
    check: impl Fn(&Parts) -> Result<(), Reply> + Send + Sync + 'static,
) -> Page {
    Arc::new(move |request, peer| {
        let (parts, body) = request.into_parts();
        match check(&parts) {
            Ok(()) => page(Request::from_parts(parts, body), peer),
            Err(refusal) => Box::pin(std::future::ready(refusal.into_response(&parts))),
        }
    })
}

/// A page that lists the other pages.
fn home(admin: &Admin, settings: &Settings) -> impl Fn() -> Response + Clone + use<> {
    let editor = editor_root(admin, settings);
    let editor = editor.map(|root| format!("The editor is at {root}/. ")).unwrap_or_default();
    let line = format!(
        "Ferrowire runs here. {editor}The WebSocket test page is at /ferrowire/test, metrics are at /ferrowire/metrics"
    );
    move || text(StatusCode::OK, line.clone())
}

/// The path of the editor if there is one, without a slash at its end.
fn editor_root<'a>(admin: &Admin, settings: &'a Settings) -> Option<&'a str> {
    settings.http_admin_root.as_deref().filter(|_| admin.serves_editor())
}

/// A page that is the same for everybody.
fn document(document: String, policy: &'static str) -> impl Fn() -> Response {
    let document = Bytes::from(document);
    move || {
        let mut response = full("text/html; charset=utf-8", document.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        response
    }
}

/// The WebSocket listeners of the flows, for the test page.
fn listeners(engine: &Engine, root: &str) -> Response {
    let file = engine.flows();
    let running = engine.nodes();
    let is_running = |node: &Map| {
        let id = node.get("id").and_then(Value::as_str);
        running.iter().any(|info| Some(info.id.as_str()) == id)
    };
    let list: Vec<Value> = file
        .nodes()
        .iter()
        .filter(|node| node.get("type").and_then(Value::as_str) == Some("websocket-listener"))
        .filter(|node| is_running(node))
        .map(|node| describe_listener(node, root))
        .collect();
    full("application/json", Value::from(list).to_json())
}

fn describe_listener(node: &Map, root: &str) -> Value {
    let map: Map = [
        ("id", Value::from(property(node, "id"))),
        ("path", listener_path(node, root).into()),
        ("name", property(node, "name").into()),
        ("wholemsg", (property(node, "wholemsg") == "true").into()),
        ("subprotocol", property(node, "subprotocol").into()),
    ]
    .into_iter()
    .collect();
    map.into()
}

/// Statuses, debug output, failures and deploys as server-sent events: first the current statuses, then
/// all events. A slow reader is told how many events it lost.
fn events(engine: &Engine, root: String, stop: CancellationToken) -> Response {
    let receiver = engine.events();
    let lines = Lines { places: NodePlaces::of(engine, &root), engine: engine.clone(), root };
    let shown = engine.statuses();
    let shown = shown.into_iter().map(|(node, status)| lines.status(&node, &status)).collect();
    let stream = event_stream(EventStream { waiting: shown, receiver, lines, stop });
    let body: Body = Box::pin(StreamBody::new(stream).map_err(|never| match never {}));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

struct EventStream {
    waiting: VecDeque<String>,
    receiver: tokio::sync::broadcast::Receiver<Event>,
    lines: Lines,
    stop: CancellationToken,
}

fn event_stream(stream: EventStream) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    stream::unfold(stream, |mut stream| async move {
        let line = match stream.waiting.pop_front() {
            Some(line) => line,
            None => stream.next_line().await?,
        };
        Some((Ok(Frame::data(Bytes::from(line))), stream))
    })
}

impl EventStream {
    async fn next_line(&mut self) -> Option<String> {
        loop {
            let event = tokio::select! {
                event = self.receiver.recv() => event,
                () = tokio::time::sleep(HEARTBEAT) => return Some(":\n\n".to_owned()),
                () = self.stop.cancelled() => return None,
            };
            match event {
                Ok(event) => {
                    if let Some(line) = self.lines.of(event) {
                        return Some(line);
                    }
                }
                Err(RecvError::Lagged(count)) => {
                    let lost = (count as f64).into();
                    return Some(self.lines.line("lost", &NodeInfo::default(), lost));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Events as lines of a stream.
struct Lines {
    engine: Engine,
    root: String,
    places: NodePlaces,
}

impl Lines {
    /// The line of an event; `None` for one that the page does not show.
    fn of(&mut self, event: Event) -> Option<String> {
        match event {
            Event::Status { node, status } => Some(self.status(&node, &status)),
            Event::Published { node, topic, data } => Some(self.line(topic, &node, data)),
            Event::Failed { node, text, .. } => {
                Some(self.line("failed", &node, text.as_ref().into()))
            }
            Event::Deployed { .. } => {
                self.places = NodePlaces::of(&self.engine, &self.root);
                Some(self.line("deployed", &NodeInfo::default(), Value::Null))
            }
            _ => None,
        }
    }

    fn status(&self, node: &NodeInfo, status: &Status) -> String {
        let data: Map = [
            ("fill", Value::from(status.fill)),
            ("shape", status.shape.into()),
            ("text", status.text.clone().into()),
        ]
        .into_iter()
        .collect();
        self.line("status", node, data.into())
    }

    fn line(&self, topic: &str, node: &NodeInfo, data: Value) -> String {
        let node: Map = [
            ("id", node.id.as_str()),
            ("type", &node.node_type),
            ("name", &node.name),
            ("path", self.places.path(node)),
            ("flow", self.places.tab(node)),
        ]
        .into_iter()
        .map(|(key, text)| (key, Value::from(text)))
        .collect();
        let event: Map = [("topic", Value::from(topic)), ("node", node.into()), ("data", data)]
            .into_iter()
            .collect();
        format!("data: {}\n\n", Value::from(event).to_json())
    }
}

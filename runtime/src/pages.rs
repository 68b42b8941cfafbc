//! The runtime's own pages: `/ferrowire/test` and the data it requests.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use ferrowire_admin::{Admin, authorize};
use ferrowire_core::{Map, NodeInfo, Status, Value};
use ferrowire_engine::{Engine, Event};
use ferrowire_http::{
    Body, Layer, Page, Registration, Request, Response, Routes, Turn, full, text,
};
use futures_util::stream::{self, Stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::settings::Settings;

/// The content security policy of the test page: its own inline parts, and any WebSocket.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
    let root = settings.http_node_root.clone();
    let home = home(admin, settings);
    let pages: [(&str, Page); 4] = [
        ("/ferrowire", page(home.clone())),
        ("/ferrowire/test", page(test_page)),
        ("/ferrowire/listeners", private(admin, page(move || listeners(&for_list, &root)))),
        ("/ferrowire/events", private(admin, page(move || events(&for_events, stop.clone())))),
    ];
    let add = |(path, page)| match routes.add_page(path, page) {
        Ok(registration) => Some(registration),
        Err(error) => {
            error!("{error}");
            None
        }
    };
    // The editor is at the root of the port, unless configured elsewhere.
    let at_root =
        (settings.http_admin_root.as_deref() != Some("")).then(|| at_root(routes, page(home)));
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

/// Data of the flows requires the same permission as in the editor.
fn private(admin: &Arc<Admin>, page: Page) -> Page {
    let admin = Arc::clone(admin);
    Arc::new(move |request, peer| {
        let (parts, body) = request.into_parts();
        match authorize(&admin, &parts, "status.read") {
            Ok(_) => page(Request::from_parts(parts, body), peer),
            Err(refusal) => Box::pin(std::future::ready(refusal.into_response(&parts))),
        }
    })
}

/// A page that lists the other pages.
fn home(admin: &Admin, settings: &Settings) -> impl Fn() -> Response + Clone + use<> {
    let editor = settings.http_admin_root.as_ref().filter(|_| admin.serves_editor());
    let editor = editor.map(|root| format!("The editor is at {root}/. ")).unwrap_or_default();
    let line =
        format!("Ferrowire runs here. {editor}The WebSocket test page is at /ferrowire/test");
    move || text(StatusCode::OK, line.clone())
}

fn test_page() -> Response {
    let mut response = full("text/html; charset=utf-8", include_str!("test_page.html"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
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
    let text = |name: &str| node.get(name).and_then(Value::as_str).unwrap_or_default();
    let map: Map = [
        ("path", Value::from(format!("{root}/{}", text("path").trim_start_matches('/')))),
        ("name", text("name").into()),
        ("wholemsg", (text("wholemsg") == "true").into()),
        ("subprotocol", text("subprotocol").into()),
    ]
    .into_iter()
    .collect();
    map.into()
}

/// Statuses, debug output and failures as server-sent events: first the current statuses, then all
/// events. A slow reader is told how many events it lost.
fn events(engine: &Engine, stop: CancellationToken) -> Response {
    let receiver = engine.events();
    let shown = engine.statuses().into_iter().map(|(node, status)| status_event(&node, &status));
    let stream = event_stream(shown.collect(), receiver, stop);
    let body: Body = Box::pin(StreamBody::new(stream).map_err(|never| match never {}));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn event_stream(
    waiting: VecDeque<String>,
    receiver: tokio::sync::broadcast::Receiver<Event>,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    stream::unfold((waiting, receiver, stop), |(mut waiting, mut receiver, stop)| async move {
        let line = match waiting.pop_front() {
            Some(line) => line,
            None => next_line(&mut receiver, &stop).await?,
        };
        Some((Ok(Frame::data(Bytes::from(line))), (waiting, receiver, stop)))
    })
}

async fn next_line(
    receiver: &mut tokio::sync::broadcast::Receiver<Event>,
    stop: &CancellationToken,
) -> Option<String> {
    loop {
        let event = tokio::select! {
            event = receiver.recv() => event,
            () = tokio::time::sleep(HEARTBEAT) => return Some(":\n\n".to_owned()),
            () = stop.cancelled() => return None,
        };
        match event {
            Ok(Event::Status { node, status }) => return Some(status_event(&node, &status)),
            Ok(Event::Published { node, topic, data }) => {
                return Some(event_line(topic, &node, data));
            }
            Ok(Event::Failed { node, text, .. }) => {
                return Some(event_line("failed", &node, text.as_ref().into()));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(count)) => {
                return Some(event_line("lost", &NodeInfo::default(), (count as f64).into()));
            }
            Err(RecvError::Closed) => return None,
        }
    }
}

fn status_event(node: &NodeInfo, status: &Status) -> String {
    let data: Map = [
        ("fill", Value::from(status.fill)),
        ("shape", status.shape.into()),
        ("text", status.text.clone().into()),
    ]
    .into_iter()
    .collect();
    event_line("status", node, data.into())
}

fn event_line(topic: &str, node: &NodeInfo, data: Value) -> String {
    let node: Map = [("id", &node.id), ("type", &node.node_type), ("name", &node.name)]
        .into_iter()
        .map(|(key, text)| (key, Value::from(text.as_str())))
        .collect();
    let event: Map = [("topic", Value::from(topic)), ("node", node.into()), ("data", data)]
        .into_iter()
        .collect();
    format!("data: {}\n\n", Value::from(event).to_json())
}

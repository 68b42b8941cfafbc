//! `http in`: receives requests and sends each into the flow as a message that expects a response.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};

use ferrowire::port::{self, Answer, Incoming, Place, Registration, Response, text};
use ferrowire::trace::{Carrier, Remote, SpanKind, Trace};
use ferrowire::{
    FromConfig, Handled, Map, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    StopReason, Value, async_trait,
};
use http::request::Parts;
use http::{Method, StatusCode};
use tokio::time::Sleep;

use crate::answer;
use crate::body::{self, BadBody, Body, Reading};
use crate::limits::Limits;
use crate::open::{self, Asked, NotOpen};
use crate::path::{Malformed, Pattern};
use crate::request::{below, describe};

/// Node-RED's `http in`.
#[derive(Debug)]
pub struct HttpIn {
    route: Option<Arc<Route>>,
    registration: Mutex<Option<Registration>>,
}

#[derive(Debug)]
struct Route {
    method: Method,
    /// As in the flow file, with a leading slash.
    path: String,
    pattern: Pattern,
    uploads: bool,
    raw: bool,
}

impl FromConfig for HttpIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let method = match config.text_or("method", "get").as_str() {
            "get" => Some(Method::GET),
            "post" => Some(Method::POST),
            "put" => Some(Method::PUT),
            "patch" => Some(Method::PATCH),
            "delete" => Some(Method::DELETE),
            other => {
                let text =
                    format!("expected `get`, `post`, `put`, `patch` or `delete`, found `{other}`");
                config.problem("method", text);
                None
            }
        };
        let url = config.text("url");
        let path = if url.starts_with('/') { url.clone() } else { format!("/{url}") };
        let pattern = match url.is_empty() {
            true => Err("expected a path such as `/chat`".to_owned()),
            false => Pattern::parse(&path),
        };
        let pattern = pattern.map_err(|text| config.problem("url", text)).ok();
        let (uploads, raw) =
            (config.boolean("upload", false), config.boolean("skipBodyParsing", false));
        let route = |(method, pattern)| Arc::new(Route { method, path, pattern, uploads, raw });
        HttpIn { route: method.zip(pattern).map(route), registration: Mutex::default() }
    }
}

impl HttpIn {
    fn set(&self, registration: Option<Registration>) {
        *self.registration.locked() = registration;
    }
}

#[async_trait]
impl Node for HttpIn {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let Some(route) = &self.route else { return Ok(()) };
        let port = cx.port()?;
        let name = format!("{} {}", route.method, route.path.trim_end_matches('/'));
        let receiver = Receiver {
            route: Arc::clone(route),
            root: port.root(Place::Flows).into(),
            limits: Limits::of(cx),
            cx: cx.clone(),
        };
        let registration =
            port.add_route(cx.info(), port::Route::of_flows(name.clone()), Arc::new(receiver))?;
        if let Some(first) = registration.earlier().first() {
            cx.warn(format_args!(
                "`{name}` is handled by the node `{first}`, so this node receives no requests; \
                 choose another path"
            ));
        }
        self.set(Some(registration));
        Ok(())
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        answer::handle(msg, cx)
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        self.set(None);
    }
}

/// Passes requests to the flow.
struct Receiver {
    route: Arc<Route>,
    root: Box<str>,
    limits: Limits,
    cx: NodeContext,
}

#[async_trait]
impl Answer for Receiver {
    fn answers(&self, method: &Method, path: &str) -> bool {
        let is_asked = self.route.method == *method
            || (self.route.method == Method::GET && *method == Method::HEAD);
        is_asked && self.route.pattern.fits(path)
    }

    async fn answer(&self, incoming: Incoming) -> Response {
        let late = pin!(tokio::time::sleep(self.limits.timeout));
        self.respond(incoming, late).await
    }
}

impl Receiver {
    async fn respond(&self, incoming: Incoming, mut late: Pin<&mut Sleep>) -> Response {
        let (parts, body) = incoming.request.into_parts();
        let root = &self.root;
        let params = match self.route.pattern.fit(below(parts.uri.path(), root)) {
            Some(Ok(params)) => params,
            Some(Err(Malformed(text))) => {
                return self.refuse(
                    StatusCode::BAD_REQUEST,
                    &format!("invalid encoding of `{text}` in the path"),
                );
            }
            None => return text(StatusCode::NOT_FOUND, "nothing is served at this path"),
        };
        let mut req = describe(&parts, incoming.origin, root, &self.route.path, params);
        let payload = match self.route.method {
            Method::GET => {
                req.insert("body", Map::new());
                req.get("query").cloned().unwrap_or_default()
            }
            _ => {
                let read = tokio::select! {
                    read = body::read(&parts.headers, body, self.reading()) => read,
                    () = &mut late => return self.too_late(),
                };
                match read {
                    Ok(Body { value, files }) => {
                        if let Some(files) = files {
                            req.insert("files", files);
                        }
                        req.insert("body", value.clone());
                        value
                    }
                    Err(error) => return self.refuse_body(&error),
                }
            }
        };
        self.deliver(parts, req, payload, late).await
    }

    fn refuse_body(&self, error: &BadBody) -> Response {
        let why = error.to_string();
        match error {
            // Most likely the client disconnected, which is not an error of the flow.
            BadBody::BrokenOff | BadBody::TooSlow => {
                self.cx.debug(&why);
                text(error.status(), &why)
            }
            _ => self.refuse(error.status(), &why),
        }
    }

    fn too_late(&self) -> Response {
        let seconds = self.limits.timeout.as_secs_f64();
        self.cx.warn(format_args!(
            "a request was not answered within {seconds} s: every one needs an `http response`, \
             or a longer `http-node-timeout`"
        ));
        text(StatusCode::GATEWAY_TIMEOUT, "the flow did not answer in time")
    }

    fn reading(&self) -> Reading {
        let most = self.limits.max_body;
        Reading { raw: self.route.raw, uploads: self.route.uploads, most }
    }

    async fn deliver(
        &self,
        head: Parts,
        req: Map,
        payload: Value,
        late: Pin<&mut Sleep>,
    ) -> Response {
        let callback = req.get("query").and_then(|query| query.get("callback"));
        let callback = callback.and_then(Value::as_str).map(str::to_owned);
        let is_taken = self.cx.traces_over(Carrier::Http);
        let remote = if is_taken { Remote::of_http(&head.headers) } else { None };
        let method = head.method.clone();
        let asked = Asked { head, callback };
        let (name, mut waiting) = match open::enter(asked, self.cx.id(), self.limits.max_open) {
            Ok(entered) => entered,
            Err(error) => return self.refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        };
        let failure = waiting.failure();
        let failed = async {
            failure.await;
            tokio::time::sleep(self.limits.error_timeout).await;
        };
        let res: Map = [("_res", name)].into_iter().collect();
        let mut msg = Message::with_payload(payload);
        msg.set("req", req);
        msg.set("res", res);
        self.cx.begin_trace(&mut msg, remote);
        let trace = msg.trace().cloned();
        if let Some(trace) = &trace {
            self.describe(trace, &method);
        }
        // The flow continues if the client disconnects.
        let cx = self.cx.clone();
        self.cx.spawn(async move { cx.send(0, msg).await });
        let response = tokio::select! {
            response = &mut waiting => response.unwrap_or_else(stopped),
            () = self.cx.stopping().cancelled() => stopped(),
            () = late => {
                waiting.end(NotOpen::Late);
                self.too_late()
            }
            () = failed => {
                waiting.end(NotOpen::Failed);
                self.failed()
            }
        };
        if let Some(trace) = trace {
            answered(&trace, response.status());
        }
        response
    }

    fn describe(&self, trace: &Trace, method: &Method) {
        trace.set_kind(SpanKind::Server);
        trace.describe("http.request.method", method.as_str());
        trace.describe("http.route", self.route.path.as_str());
    }

    fn failed(&self) -> Response {
        let seconds = self.limits.error_timeout.as_secs_f64();
        self.cx.warn(format_args!(
            "a request is answered with 500: a node failed with it, and nothing answered it within \
             {seconds} s; answer it behind a catch node, or set a longer `http-error-timeout`"
        ));
        text(StatusCode::INTERNAL_SERVER_ERROR, "the flow failed")
    }

    fn refuse(&self, status: StatusCode, why: &str) -> Response {
        self.cx.warn(format_args!("a request was refused with {}: {why}", status.as_u16()));
        text(status, why)
    }
}

/// The span of a request ends with its response.
fn answered(trace: &Trace, status: StatusCode) {
    trace.describe("http.response.status_code", f64::from(status.as_u16()));
    if status.is_server_error() {
        trace.set_error(format!("responded with {status}"));
    }
    trace.extend();
}

fn stopped() -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, "the flow was stopped before it responded")
}

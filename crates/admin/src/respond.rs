//! `respond`: handles one request: path, permission, body, response.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ferrowire_http::{Request, RequestBody, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::header::{ALLOW, LOCATION};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::audit::Entry;
use crate::call::{Call, Content};
use crate::editor::statics;
use crate::routes::{self, Found, Handler, Route};
use crate::{Admin, Reply, authorize};

/// The largest body of a request that needs no permission: a login.
const PUBLIC: usize = 16 * 1024;

/// Answers a request of `client` below the admin root.
pub async fn respond(admin: Arc<Admin>, request: Request, client: SocketAddr) -> Response {
    let (parts, body) = request.into_parts();
    let reply = answer(&admin, &parts, body, client.ip()).await;
    reply.into_response(&parts)
}

/// Whether the admin API answers a request. Flows and files cannot have such a path.
pub fn answers(admin: &Admin, request: &Request) -> bool {
    let path = request.uri().path();
    let below = path.strip_prefix(admin.settings().admin_root.as_str());
    below.is_some_and(|below| is_own(admin, request.method(), below))
}

/// Whether the admin API or the editor has a path, which is below the admin root.
fn is_own(admin: &Admin, method: &Method, below: &str) -> bool {
    match routes::find(method, below) {
        _ if below.is_empty() => true,
        Found::Route(route, _) => (!route.editor || admin.serves_editor()) && !route.is_last,
        Found::Allowed(_) | Found::Malformed => true,
        Found::Nothing => statics::has(admin, method, below),
    }
}

async fn answer(admin: &Arc<Admin>, parts: &Parts, body: RequestBody, client: IpAddr) -> Reply {
    let path = parts.uri.path();
    let root = admin.settings().admin_root.as_str();
    let Some(below) = path.strip_prefix(root) else {
        return Reply::nothing_here(&parts.method, path);
    };
    // A flow's client that finds nothing gets a 404, whatever the host is.
    if (is_own(admin, &parts.method, below) || below == "/")
        && let Err(refusal) = admin.auth().guard(parts)
    {
        return refusal;
    }
    if below.is_empty() {
        return redirect(root, parts.uri.query());
    }
    match routes::find(&parts.method, below) {
        Found::Route(route, params) if !route.editor || admin.serves_editor() => {
            let (admin, parts) = (Arc::clone(admin), parts.clone());
            let content = Content::None;
            let call = Call { admin, parts, client, user: None, params, content };
            run(route, call, body).await.unwrap_or_else(|refusal| refusal)
        }
        Found::Allowed(methods) => {
            Reply::new(StatusCode::OK, "text/html; charset=utf-8", methods.clone())
                .with_text(ALLOW, &methods)
        }
        Found::Malformed => {
            Reply::error_page(StatusCode::BAD_REQUEST, "invalid percent-encoding in the path")
        }
        Found::Route(..) if below == "/" => headless(admin),
        _ => statics::get(admin, parts, below),
    }
}

/// The editor's URLs are relative to its own, which therefore ends with a slash.
fn redirect(root: &str, query: Option<&str>) -> Reply {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Reply::status(StatusCode::MOVED_PERMANENTLY).with_text(LOCATION, &format!("{root}/{query}"))
}

fn headless(admin: &Admin) -> Reply {
    let why = match admin.lacks_editor() {
        true => "this program was built without it; run `cargo xtask editor` and build again",
        false => "it is switched off",
    };
    let text = format!(
        "Ferrowire is running without the editor: {why}. The WebSocket test page is at /ferrowire/test\n"
    );
    Reply::new(StatusCode::OK, "text/plain; charset=utf-8", text)
}

async fn run(route: Route, mut call: Call, body: RequestBody) -> Result<Reply, Reply> {
    let is_public = route.permission.is_empty();
    if !is_public {
        call.user = authorize(&call.admin, &call.parts, route.permission)?;
    }
    if !matches!(call.parts.method, Method::GET | Method::HEAD) {
        let limit = if is_public { PUBLIC } else { call.admin.settings().max_body };
        let body = read(body, limit).await?;
        call.content = Content::read(&call.parts, &body)?;
    }
    let entry = Entry::of(&route, &call);
    let reply = handle(route.handler, call).await;
    if let Some(entry) = entry {
        entry.end(reply.status);
    }
    Ok(reply)
}

async fn handle(handler: Handler, call: Call) -> Reply {
    match handler {
        Handler::Now(answer) => answer(&call),
        Handler::Later(answer) => answer(call).await,
        Handler::Blocking(answer) => {
            let answered = tokio::task::spawn_blocking(move || answer(&call)).await;
            answered.unwrap_or_else(|_| Reply::status(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
}

async fn read(body: RequestBody, limit: usize) -> Result<Bytes, Reply> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let text = "PayloadTooLargeError: request entity too large";
            Err(Reply::error_page(StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        Err(error) => Err(Reply::status(match error.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::TimedOut => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        })),
    }
}

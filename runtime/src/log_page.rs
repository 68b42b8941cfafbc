//! `/log` below the admin root: reads the filter of the log, and changes it while the program runs.

use std::sync::Arc;

use ferrowire_admin::{AUDIT, Admin, authorize};
use ferrowire_http::{Page, RequestBody, Response, full, text};
use http_body_util::{BodyExt as _, Limited};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use crate::logging::filter;

pub(crate) const PATH: &str = "/log";

/// The largest body in bytes.
const LONGEST: usize = 16 * 1024;

#[derive(Deserialize)]
struct Wanted {
    log: String,
}

/// `GET` with the permission `log.read`, `PUT` with `log.write`.
pub(crate) fn page(admin: Arc<Admin>) -> Page {
    Arc::new(move |request, peer| {
        let admin = Arc::clone(&admin);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let permission = match head.method {
                Method::GET | Method::HEAD => "log.read",
                Method::PUT => "log.write",
                _ => return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and PUT are supported"),
            };
            let user = match authorize(&admin, &head, permission) {
                Ok(user) => user.and_then(|user| user.name).unwrap_or_else(|| "_".to_owned()),
                Err(refusal) => return refusal.into_response(&head),
            };
            if permission == "log.read" {
                return shown();
            }
            match change(body).await {
                Ok(()) => {
                    let client = peer.ip();
                    info!(target: AUDIT, event = "log.set", user, %client, "audit");
                    shown()
                }
                Err(refusal) => refusal,
            }
        })
    })
}

fn shown() -> Response {
    full("application/json", json!({"log": filter::current()}).to_string())
}

async fn change(body: RequestBody) -> Result<(), Response> {
    let refuse = |status, why: &str| text(status, why.to_owned());
    let read = Limited::new(body, LONGEST).collect().await;
    let body = read.map_err(|_| refuse(StatusCode::BAD_REQUEST, "the body cannot be read"))?;
    let wanted: Wanted = serde_json::from_slice(&body.to_bytes()).map_err(|_| {
        refuse(StatusCode::BAD_REQUEST, "expected a body such as {\"log\": \"debug\"}")
    })?;
    filter::change(&wanted.log).map_err(|why| refuse(StatusCode::BAD_REQUEST, &why))
}

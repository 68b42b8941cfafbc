//! The editor's own files.

use hyper::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, VARY};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::call::Call;
use crate::editor::pack::File;
use crate::{Admin, Reply};

/// The file at `path`, or Node-RED's page for a missing path.
pub(crate) fn get(admin: &Admin, request: &Parts, path: &str) -> Reply {
    let nothing = || Reply::nothing_here(&request.method, request.uri.path());
    if !matches!(request.method, Method::GET | Method::HEAD) || !admin.serves_editor() {
        return nothing();
    }
    match admin.pack().get(&format!("public{path}")) {
        Some(file) => send(file, path, request),
        None => nothing(),
    }
}

/// Whether there is a file at `path`.
pub(crate) fn has(admin: &Admin, method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
        && admin.serves_editor()
        && admin.pack().get(&format!("public{path}")).is_some()
}

/// The debug sidebar's own files.
pub(crate) fn debug_view(call: &Call) -> Reply {
    let name = call.param(0);
    let file = call.admin.pack().get(&format!("nodes/core/common/lib/debug/{name}"));
    match file {
        // The comment is the place for the theme's style sheets.
        Some(file) if name.ends_with(".html") => {
            let page = String::from_utf8_lossy(&file.plain()).replace(
                "<!-- INSERT-THEME-CSS -->",
                "<link rel=\"stylesheet\" href=\"../../theme/css/ferrowire.css\">",
            );
            Reply::html(page)
        }
        Some(file) => send(file, name, &call.parts),
        None => Reply::status(StatusCode::NOT_FOUND),
    }
}

/// Sends a file, compressed if it is so in the pack and the browser accepts gzip.
pub(crate) fn send(file: File, path: &str, request: &Parts) -> Reply {
    let accepted = request.headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let gzip = file.gzip && accepted.is_some_and(accepts_gzip);
    let kind = media_type(path);
    let reply = match gzip {
        true => Reply::new(StatusCode::OK, kind, file.bytes).with(CONTENT_ENCODING, "gzip"),
        false => Reply::new(StatusCode::OK, kind, file.plain().into_owned()),
    };
    // The content at a path with a version never changes; other paths are revalidated.
    let caching = match request.uri.query() {
        Some(query) if query.starts_with("v=") => "public, max-age=31536000, immutable",
        _ => "public, max-age=0",
    };
    reply
        .with(CACHE_CONTROL, caching)
        .with(VARY, "Accept-Encoding")
        .with_text(ETAG, &format!("W/\"{}\"", file.tag))
}

/// Whether a list such as `gzip, deflate;q=0` accepts gzip.
fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|entry| {
        let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && !refused
    })
}

/// The media type that belongs to the extension of a path.
pub(crate) fn media_type(path: &str) -> &'static str {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" | "map" => "application/json; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "eot" => "application/vnd.ms-fontobject",
        "txt" | "md" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

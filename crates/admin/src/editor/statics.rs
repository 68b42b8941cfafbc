//! The editor's own files.

use bytes::Bytes;
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

/// Sends a file, compressed if it is so in the pack and the browser accepts it.
pub(crate) fn send(file: File, path: &str, request: &Parts) -> Reply {
    let accepted = request.headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let accepted = accepted.unwrap_or_default();
    let kind = media_type(path);
    let compressed = |bytes: Bytes, encoding: &'static str| {
        Reply::new(StatusCode::OK, kind, bytes).with(CONTENT_ENCODING, encoding)
    };
    // Browsers accept brotli over TLS and from this machine only.
    let reply = if file.brotli && accepts(accepted, &["br"]) {
        compressed(Bytes::from_static(file.bytes), "br")
    } else if file.brotli && accepts(accepted, &["gzip", "x-gzip"]) {
        compressed(file.gzip(), "gzip")
    } else {
        Reply::new(StatusCode::OK, kind, file.plain().into_owned())
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

/// Whether a list such as `gzip, deflate;q=0` accepts an encoding with one of these names.
fn accepts(accepted: &str, names: &[&str]) -> bool {
    let weight = |wanted: &dyn Fn(&str) -> bool| {
        accepted.split(',').find_map(|entry| {
            let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f64>);
            wanted(name.trim()).then(|| weight.unwrap_or(1.0))
        })
    };
    let named = weight(&|name| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    named.or_else(|| weight(&|name| name == "*")).is_some_and(|weight| weight > 0.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_accepted_by_its_name_or_as_any() {
        for (accepted, brotli, gzip) in [
            ("gzip, deflate, br", true, true),
            ("gzip;q=0.5, br;q=0", false, true),
            ("*", true, true),
            ("*, br;q=0", false, true),
            ("br, *;q=0", true, false),
            ("X-Gzip", false, true),
            ("identity", false, false),
            ("", false, false),
        ] {
            let found = (accepts(accepted, &["br"]), accepts(accepted, &["gzip", "x-gzip"]));
            assert_eq!(found, (brotli, gzip), "{accepted}");
        }
    }
}

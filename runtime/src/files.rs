//! The setting `http-static`: serves the files of a folder.

use std::path::PathBuf;
use std::sync::Arc;

use ferrowire_http::{
    Body, Layer, Page, Registration, Request, Response, Routes, Turn, empty, text,
};
use hyper::header::{CONTENT_LENGTH, ETAG, HeaderMap, IF_NONE_MATCH};
use hyper::{Method, StatusCode, Uri};
use hyper_staticfile::Static;
use tracing::warn;

/// Serves the files of `folder` below `root`, with the lowest precedence.
pub(crate) fn serve_at(routes: &Routes, folder: PathBuf, root: &str) -> Registration {
    let files = Static::new(folder);
    let prefix = root.to_owned();
    let page: Page = Arc::new(move |request, _| {
        let (files, prefix) = (files.clone(), prefix.clone());
        Box::pin(async move { send(files, &request, &prefix).await })
    });
    let find = move |request: &Request| {
        matches!(*request.method(), Method::GET | Method::HEAD).then(|| Arc::clone(&page))
    };
    let (registration, _) = routes.add_layer(Layer {
        turn: Turn::Last,
        below: format!("{root}/"),
        what: String::new(),
        who: String::new(),
        find: Arc::new(find),
    });
    registration
}

async fn send(files: Static, request: &Request, prefix: &str) -> Response {
    let path = request.uri().path().strip_prefix(prefix).unwrap_or_default();
    let Ok(uri) = path.parse::<Uri>() else { return nothing() };
    if is_hidden(path) {
        return nothing();
    }
    let mut below = hyper::Request::new(());
    *below.method_mut() = request.method().clone();
    *below.uri_mut() = uri;
    *below.headers_mut() = request.headers().clone();
    match files.serve(below).await {
        // The service's own 404 page has no further information.
        Ok(response) if response.status() == StatusCode::NOT_FOUND => nothing(),
        Ok(response) if is_known(request, response.headers()) => {
            let mut unchanged = empty(StatusCode::NOT_MODIFIED);
            *unchanged.headers_mut() = response.into_parts().0.headers;
            unchanged.headers_mut().remove(CONTENT_LENGTH);
            unchanged
        }
        Ok(response) => response.map(|body| -> Body { Box::pin(body) }),
        Err(error) => {
            warn!(%error, "cannot read a file for `{path}`");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")
        }
    }
}

/// Whether the client's copy is current, by its `ETag` (RFC 9110 §13.1.2).
fn is_known(request: &Request, headers: &HeaderMap) -> bool {
    let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok()) else { return false };
    let known = request.headers().get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known
        .is_some_and(|known| known.split(',').any(|it| it.trim() == "*" || plain(it) == plain(tag)))
}

/// Files that start with a dot are not served, as in Node-RED.
fn is_hidden(path: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    decoded.split(['/', '\\']).any(|part| part.starts_with('.'))
}

fn nothing() -> Response {
    text(StatusCode::NOT_FOUND, "nothing is served at this path")
}

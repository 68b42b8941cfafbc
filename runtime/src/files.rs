//! The setting `http-static`: serves the files of a folder.

use std::sync::Arc;

use ferrowire_http::{
    Folder, Layer, Open, Page, Registration, Request, Response, Routes, Turn, text,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tracing::warn;

use crate::settings::{Settings, table};

/// Serves the files of the folder, if it is set, with the lowest precedence but for `otherwise`, which
/// responds to requests for what is not there. Unless the settings say otherwise, symbolic links do
/// not lead out of the folder.
pub(crate) fn serve(
    routes: &Routes,
    settings: &Settings,
    otherwise: Option<Page>,
) -> Option<Registration> {
    let (folder, root) = settings.http_static.clone()?;
    let open: Open = if settings.get(&table::HTTP_STATIC_FOLLOW_LINKS) {
        Arc::new(move |path| ferrowire_files::open_file(&folder.join(path)))
    } else {
        // The folder is opened for each file, since it may have been replaced by another one.
        Arc::new(move |path| ferrowire_files::Folder::open(&folder)?.open_file(path))
    };
    let files = Arc::new(Folder::new(open, &root));
    let page: Page = Arc::new(move |request, client| {
        let (files, otherwise) = (Arc::clone(&files), otherwise.clone());
        let (head, body) = request.into_parts();
        Box::pin(async move {
            match (files.respond(&head).await, otherwise) {
                (Ok(None), Some(otherwise)) => {
                    otherwise(Request::from_parts(head, body), client).await
                }
                (found, _) => sent(found, &head),
            }
        })
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
    Some(registration)
}

/// What cannot be read, such as a file outside of the folder, is not told from what is not there.
fn sent(found: std::io::Result<Option<Response>>, head: &Parts) -> Response {
    match found {
        Ok(Some(response)) => response,
        Ok(None) => text(StatusCode::NOT_FOUND, "nothing is served at this path"),
        Err(error) => {
            warn!(%error, "cannot read a file for `{}`", head.uri.path());
            text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")
        }
    }
}

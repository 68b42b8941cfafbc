//! `/resources`: static files that crates provide for their dialogs.

use hyper::StatusCode;
use hyper::header::CACHE_CONTROL;

use super::statics;
use crate::Reply;
use crate::call::Call;

/// One file, by the name of the crate and its own.
pub(crate) fn get(call: &Call) -> Reply {
    let file = call.param(0).split_once('/').and_then(|(module, name)| {
        let files = call.admin.palette().resources().get(module)?;
        files.iter().find(|(known, _)| *known == name)
    });
    match file {
        Some((name, bytes)) => Reply::new(StatusCode::OK, statics::media_type(name), *bytes)
            .with(CACHE_CONTROL, "public, max-age=0"),
        None => Reply::status(StatusCode::NOT_FOUND),
    }
}

//! `/resources`: static files that crates and packages provide for their dialogs.

use ferrowire_core::Value;
use ferrowire_core::bus::run_aside;
use futures_util::future::BoxFuture;
use hyper::StatusCode;
use hyper::header::CACHE_CONTROL;

use super::statics;
use crate::Reply;
use crate::call::Call;

/// One file, by the name of the crate or package and its own.
pub(crate) fn get(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        if let Some(file) = run_aside(|| own(&call)) {
            return file;
        }
        let missing = || Reply::status(StatusCode::NOT_FOUND);
        let Some((module, path)) = split(call.param(0)) else { return missing() };
        let asked =
            call.admin.ask_loaded_packages("resource", [("module", module), ("path", path)]);
        read(asked.await.as_ref()).await.unwrap_or_else(missing)
    })
}

fn own(call: &Call) -> Option<Reply> {
    let (module, name) = call.param(0).split_once('/')?;
    let files = call.admin.palette().resources().get(module)?;
    let (name, bytes) = files.iter().find(|(known, _)| *known == name)?;
    let file = Reply::new(StatusCode::OK, statics::media_type(name), *bytes);
    Some(file.with(CACHE_CONTROL, "public, max-age=0"))
}

/// The name of a package, which has a slash if it has a scope, and the path of a file in it.
fn split(path: &str) -> Option<(&str, &str)> {
    let scope = path.starts_with('@').then(|| path.find('/')).flatten().map_or(0, |at| at + 1);
    let end = path.get(scope..)?.find('/')? + scope;
    Some((path.get(..end)?, path.get(end + 1..)?))
}

/// A file of a package, at the path that Node-RED's runtime has named.
pub(super) async fn read(path: Option<&Value>) -> Option<Reply> {
    let path = path?.as_str()?;
    let content = tokio::fs::read(path).await.ok()?;
    let file = Reply::new(StatusCode::OK, statics::media_type(path), content);
    Some(file.with(CACHE_CONTROL, "public, max-age=0"))
}

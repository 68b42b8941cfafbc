//! What functions do with an open request: the messages that they send to the `http in` node.
//!
//! `msg.res` names the request, and holds the status and the headers that were set. `payload` is
//! the response, or `file` the path of a file with `options`; `failed` says that the function
//! failed with the request.

use ferrowire::{Handled, Message, NodeContext, NodeError, Value};

use crate::file;
use crate::open;
use crate::reply::Reply;

/// Handles a message of a function.
pub(crate) fn handle(msg: Message, cx: &NodeContext) -> Handled {
    let res = msg.get("res").and_then(|res| res.get("_res"));
    let Some(name) = res.and_then(Value::as_str).map(str::to_owned) else {
        return Handled::Failed(NodeError::new("the message names no request in `msg.res`"));
    };
    if msg.get("failed").is_some_and(Value::is_truthy) {
        open::fail(&name);
        return Handled::Done;
    }
    if msg.get("file").is_some() {
        let cx = cx.clone();
        return Handled::Later(Box::pin(async move { file::send(&msg, &name, &cx).await }));
    }
    // An invalid response must not use up the request: a catch node may still respond to it.
    let answered = Reply::of_function(&msg)
        .inspect_err(|_| open::fail(&name))
        .and_then(|reply| open::answer(&name, cx, |asked| reply.into_response(asked)));
    answered.map_or_else(Handled::Failed, |()| Handled::Done)
}

//! `/inject` and `/debug`: the buttons of inject and debug nodes.

use std::sync::Arc;

use ferrowire_core::{Message, Value};
use hyper::StatusCode;

use crate::Reply;
use crate::call::{Call, Content};

/// Sends a message to a node, as its button does. The members of the body become its properties.
pub(crate) fn inject(call: &Call) -> Reply {
    let properties = call.json().as_object().cloned().unwrap_or_default();
    // The permit bounds the messages that wait until the flows can take them.
    let Ok(permit) = Arc::clone(&call.admin.injecting).try_acquire_owned() else {
        return Reply::status(StatusCode::SERVICE_UNAVAILABLE);
    };
    match call.admin.engine().deliver(call.param(0), Message::from(properties)) {
        Ok(sending) => {
            if !sending.is_done() {
                call.admin.tasks.spawn(async move {
                    sending.await;
                    drop(permit);
                });
            }
            Reply::status(StatusCode::OK)
        }
        Err(_) => Reply::status(StatusCode::NOT_FOUND),
    }
}

/// The new state, and the status of the response: the editor tells the states apart by it.
fn wanted(state: &str) -> Option<(bool, StatusCode)> {
    match state {
        "enable" => Some((true, StatusCode::OK)),
        "disable" => Some((false, StatusCode::CREATED)),
        _ => None,
    }
}

/// Switches one node on or off.
pub(crate) fn switch(call: &Call) -> Reply {
    let Some((active, status)) = wanted(call.param(1)) else {
        return Reply::status(StatusCode::NOT_FOUND);
    };
    match call.admin.engine().set_active(call.param(0), active) {
        Ok(true) => Reply::status(status),
        Ok(false) | Err(_) => Reply::status(StatusCode::NOT_FOUND),
    }
}

/// Switches several nodes on or off; those that do not run are skipped.
pub(crate) fn switch_several(call: &Call) -> Reply {
    let Some((active, status)) = wanted(call.param(0)) else {
        return Reply::status(StatusCode::NOT_FOUND);
    };
    let Some(ids) = ids(&call.content) else {
        return Reply::status(StatusCode::BAD_REQUEST);
    };
    for id in ids {
        // The node may have been removed by another user.
        let _switched = call.admin.engine().set_active(&id, active);
    }
    Reply::status(status)
}

fn ids(content: &Content) -> Option<Vec<String>> {
    match content {
        Content::Json(body) => {
            let ids = body.get("nodes")?.as_array()?;
            Some(ids.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Content::Form(pairs) => {
            let ids = pairs.iter().filter(|(key, _)| key == "nodes[]" || key == "nodes");
            let ids: Vec<String> = ids.map(|(_, id)| id.clone()).collect();
            (!ids.is_empty()).then_some(ids)
        }
        Content::None => None,
    }
}

//! The audit log: who logged in, and who changed what by a request, with Node-RED's names of events.
//!
//! Its lines have the target [`TARGET`], so that the filter of the log can select them.

use std::sync::Arc;

use hyper::StatusCode;

use crate::Admin;
use crate::call::Call;
use crate::routes::{Route, Verb};

/// The target of these log lines.
pub const TARGET: &str = "ferrowire::audit";

/// What a request changes. Written when dropped, also if the client does not wait for the response.
pub(crate) struct Entry {
    admin: Arc<Admin>,
    event: &'static str,
    user: String,
    client: String,
    path: String,
    /// Of the response; 0 without one.
    status: u16,
}

impl Entry {
    /// The entry of a request; `None` for one that changes nothing, or has its own lines.
    pub(crate) fn of(route: &Route, call: &Call) -> Option<Self> {
        let event = event(route)?;
        let user = call.user.as_ref().map_or_else(|| "_".to_owned(), |user| user.key().to_owned());
        let path = call.parts.uri.path().to_owned();
        let (admin, client) = (Arc::clone(&call.admin), call.client.to_string());
        Some(Entry { admin, event, user, client, path, status: 0 })
    }

    /// Writes it with the status of the response.
    pub(crate) fn end(mut self, status: StatusCode) {
        self.status = status.as_u16();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Entry { event, user, client, path, status, .. } = self;
        // The revision of the flows after the request.
        let rev = &*self.admin.engine().rev();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(target: TARGET, event, user, client, path, status, rev, "audit")
            };
        }
        match *event {
            // The buttons in the editor, which change no flow.
            "inject" | "debug.set" => line!(debug),
            _ => line!(info),
        }
    }
}

/// The name of what a request does; `None` for what needs no entry.
fn event(route: &Route) -> Option<&'static str> {
    Some(match (route.method, route.permission) {
        (Verb::Get, _) | (_, "") => return None,
        (Verb::Post, "flows.write") => match route.pattern {
            "/flow" => "flow.add",
            "/flows/state" => "flows.state.set",
            _ => "flows.set",
        },
        (Verb::Put, "flows.write") => "flow.update",
        (Verb::Delete, "flows.write") => "flow.remove",
        (Verb::Post, "nodes.write") => "nodes.install",
        (Verb::Put, "nodes.write") => "nodes.info.set",
        (Verb::Delete, "nodes.write") => "nodes.remove",
        (_, "settings.write") => "settings.update",
        (_, "context.write") => "context.delete",
        (_, "library.write") => "library.set",
        (_, "inject.write") => "inject",
        (_, "debug.write") => "debug.set",
        (_, other) => other,
    })
}

//! The configuration node `room`.

use std::sync::{Arc, Mutex};

use ferrowire::port::{Registration, Route};
use ferrowire::{
    FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError, Status,
    StopReason, Value, async_trait,
};

use crate::connection::Door;
use crate::members::Members;
use crate::pages::MembersPage;
use crate::{MEMBERS, RECEIVED};

/// Owns the connections of a room.
pub(crate) struct Room {
    path: String,
    members: Arc<Members>,
    routes: Mutex<Vec<Registration>>,
}

impl FromConfig for Room {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let path = config.text("path");
        if !path.starts_with('/') {
            config.problem("path", "expected a path such as `/lobby`");
        }
        Room { path, members: Arc::default(), routes: Mutex::default() }
    }
}

#[async_trait]
impl Node for Room {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let port = cx.port()?;
        let hub = Hub { cx: cx.clone(), members: Arc::clone(&self.members) };
        let door = Door { hub: Arc::new(hub), most: cx.setting(&MEMBERS) };
        let mut routes = vec![port.add_upgrade(cx.info(), &self.path, Arc::new(door))?];
        for route in [
            Route::of_flows(format!("GET {}/members", self.path)),
            Route::of_admin(format!("GET /room/{}/members", cx.id()), "flows.read"),
        ] {
            let path = route.name.trim_start_matches("GET ").to_owned();
            let page = MembersPage { path, members: Arc::clone(&self.members) };
            routes.push(port.add_route(cx.info(), route, Arc::new(page))?);
        }
        *self.routes.locked() = routes;
        Ok(())
    }

    /// Handles the messages of `room out` nodes.
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let Some(line) = msg.payload().and_then(Value::as_str) else {
            return Handled::Failed("the payload is not a string".into());
        };
        let missed = self.members.send(line);
        if missed > 0 {
            cx.warn(format_args!("{missed} clients read too slowly and missed a line"));
        }
        Handled::Done
    }

    async fn on_request(&self, _: &str, _: Value, _: &NodeContext) -> Result<Value, NodeError> {
        Ok(self.members.numbers().len().into())
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        self.routes.locked().clear();
    }
}

/// The part of the room that connections use.
pub(crate) struct Hub {
    pub(crate) cx: NodeContext,
    pub(crate) members: Arc<Members>,
}

impl Hub {
    /// Sends a line to the `room in` nodes that match it.
    pub(crate) async fn received(&self, line: &str) {
        RECEIVED.increment();
        let users = self.cx.users().borrow().clone();
        for user in users.iter().filter(|user| user.info.node_type == "room in") {
            let prefix = user.properties.get("prefix").and_then(Value::as_str).unwrap_or_default();
            if line.starts_with(prefix) {
                match self.cx.send_to(&user.info.id, Message::with_payload(line)) {
                    Ok(sending) => sending.await,
                    // A deploy has just removed the node.
                    Err(error) => self.cx.debug(error),
                }
            }
        }
    }

    /// Shows the number of clients.
    pub(crate) fn show(&self) {
        let count = self.members.numbers().len();
        self.cx.status_of_users(Status::new("green", "dot", format!("{count} connected")));
    }
}

//! The route `/udp-ports/…` of the admin API, by which the dialog shows the ports in use.

use std::sync::Arc;

use ferrowire::port::http::Method;
use ferrowire::port::{Answer, Incoming, Registration, Response, Route, full};
use ferrowire::{NodeContext, Value, async_trait};

use crate::socket::ports;

struct Ports;

#[async_trait]
impl Answer for Ports {
    fn answers(&self, method: &Method, path: &str) -> bool {
        method == Method::GET && path.starts_with("/udp-ports/")
    }

    async fn answer(&self, _: Incoming) -> Response {
        let ports: Vec<Value> = ports().iter().map(|port| port.to_string().into()).collect();
        full("application/json", Value::from(ports).to_json())
    }
}

/// Adds the route, as long as the result exists; nothing if the runtime serves no admin API.
pub(crate) fn add(cx: &NodeContext) -> Option<Registration> {
    let route = Route::of_admin("GET /udp-ports/*", "udp-ports.read");
    cx.port().ok()?.add_route(cx.info(), route, Arc::new(Ports)).ok()
}

//! `TestPort`: an HTTP port without sockets, for nodes that add routes.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use ferrowire_core::port::{
    Answer, Body, Incoming, Origin, Place, Port, Registration, Response, Route, TakeOver, Upgrade,
};
use ferrowire_core::{MutexExt as _, NodeError, NodeInfo};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};

/// The request of a WebSocket's opening handshake (RFC 6455 §4.1), for [`TestPort::upgrade`].
pub fn websocket_handshake(target: &str) -> http::request::Builder {
    Request::get(target)
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// The routes and upgrades of nodes under test. Clones share them. Its roots are empty, and no
/// login is required.
#[derive(Clone, Default)]
pub struct TestPort {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    next: u64,
    routes: Vec<Added>,
    upgrades: HashMap<String, Arc<dyn Upgrade>>,
}

struct Added {
    number: u64,
    owner: String,
    route: Route,
    answer: Arc<dyn Answer>,
}

impl TestPort {
    /// A port without routes.
    pub fn new() -> Self {
        TestPort::default()
    }

    /// Sends a request from a client at 127.0.0.1 and reads the complete response; 404 if no route
    /// matches.
    ///
    /// # Panics
    /// If the response's body fails.
    pub async fn request(&self, request: Request<impl Into<Bytes>>) -> http::Response<Bytes> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let found = {
            let tables = self.lock();
            let mut routes = tables.routes.iter();
            routes.find(|it| it.answer.answers(&method, &path)).map(|it| Arc::clone(&it.answer))
        };
        let Some(answer) = found else {
            let mut nothing = http::Response::new(Bytes::new());
            *nothing.status_mut() = StatusCode::NOT_FOUND;
            return nothing;
        };
        let request = request.map(|body| -> Body {
            Box::pin(Full::new(body.into()).map_err(|never| match never {}))
        });
        let (head, body) = answer.answer(Incoming { request, origin: origin() }).await.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("the body failed: {error}"));
        http::Response::from_parts(head, body.to_bytes())
    }

    /// Sends an upgrade request to the path of `request`; `None` if no upgrade is registered there.
    pub async fn upgrade(&self, request: Request<()>) -> Option<Result<TakeOver, Response>> {
        let (head, ()) = request.into_parts();
        let found = self.lock().upgrades.get(head.uri.path()).cloned();
        Some(found?.upgrade(head, origin()).await)
    }

    /// The names of the routes, in order of precedence.
    pub fn routes(&self) -> Vec<Route> {
        self.lock().routes.iter().map(|it| it.route.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.locked()
    }
}

fn origin() -> Origin {
    Origin { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), secure: false }
}

impl Port for TestPort {
    fn root(&self, _: Place) -> &str {
        ""
    }

    fn add_route(
        &self,
        owner: &NodeInfo,
        route: Route,
        answer: Arc<dyn Answer>,
    ) -> Result<Registration, NodeError> {
        let mut tables = self.lock();
        tables.next += 1;
        let number = tables.next;
        let same = tables.routes.iter().filter(|it| it.route.name == route.name);
        let earlier = same.map(|it| it.owner.clone()).collect();
        tables.routes.push(Added { number, owner: owner.id.clone(), route, answer });
        let guard = Removed(self.clone(), move |tables: &mut Tables| {
            tables.routes.retain(|it| it.number != number);
        });
        Ok(Registration::new(guard, earlier))
    }

    fn add_upgrade(
        &self,
        _: &NodeInfo,
        path: &str,
        upgrade: Arc<dyn Upgrade>,
    ) -> Result<Registration, NodeError> {
        let mut tables = self.lock();
        if tables.upgrades.contains_key(path) {
            return Err(NodeError::new(format!("the path `{path}` is already in use")));
        }
        tables.upgrades.insert(path.to_owned(), upgrade);
        let path = path.to_owned();
        let guard = Removed(self.clone(), move |tables: &mut Tables| {
            tables.upgrades.remove(&path);
        });
        Ok(Registration::new(guard, Vec::new()))
    }
}

/// Removes a route or upgrade on drop.
struct Removed<F: Fn(&mut Tables)>(TestPort, F);

impl<F: Fn(&mut Tables)> Drop for Removed<F> {
    fn drop(&mut self) {
        (self.1)(&mut self.0.lock());
    }
}

impl fmt::Debug for TestPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPort").field("routes", &self.routes()).finish_non_exhaustive()
    }
}

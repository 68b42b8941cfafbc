//! `NodePort`: the port as nodes see it, on top of the program's routes.

mod allowed;

use std::fmt;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ferrowire_core::port::{
    Answer, Incoming, Origin, Place, Port, Registration as Registered, Route, Upgrade,
};
use ferrowire_core::{NodeError, NodeInfo};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use allowed::Served;

use crate::{Cors, Layer, Page, Registration, Request, Response, Routes, Secure, Turn, text};

/// Checks a request by its head; returns the response if it is denied.
pub type Gate =
    Arc<dyn Fn(Parts, SocketAddr) -> BoxFuture<'static, Result<(), Response>> + Send + Sync>;

/// Creates the gate for a permission of the admin API.
pub type GateFor = Arc<dyn Fn(&str) -> Gate + Send + Sync>;

/// Checks and headers for the routes of flows.
#[derive(Clone, Default)]
pub struct FlowRoutes {
    /// The path prefix, without a trailing slash: Node-RED's `httpNodeRoot`.
    pub root: String,
    /// Which origins may access them.
    pub cors: Option<Cors>,
    /// Authentication; `None` for public access.
    pub gate: Option<Gate>,
}

/// Checks for the routes that nodes add to the admin API.
#[derive(Clone)]
pub struct AdminRoutes {
    /// The path prefix, without a trailing slash: Node-RED's `httpAdminRoot`.
    pub root: String,
    /// Checks the login and the permission of a route.
    pub gate: GateFor,
}

impl fmt::Debug for FlowRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowRoutes").field("root", &self.root).finish_non_exhaustive()
    }
}

impl fmt::Debug for AdminRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminRoutes").field("root", &self.root).finish_non_exhaustive()
    }
}

/// The port for nodes.
pub struct NodePort {
    routes: Routes,
    flows: FlowRoutes,
    /// `None` if the program does not serve the admin API.
    admin: Option<AdminRoutes>,
    served: Served,
    _preflight: Option<Registration>,
    _allowed: Registration,
}

impl NodePort {
    /// The port over `routes`.
    pub fn new(routes: Routes, flows: FlowRoutes, admin: Option<AdminRoutes>) -> Self {
        let preflight = flows.cors.clone().map(|cors| preflight(&routes, &flows.root, cors));
        let served = Served::default();
        let allowed = allowed(&routes, &flows, served.clone());
        NodePort { routes, flows, admin, served, _preflight: preflight, _allowed: allowed }
    }

    fn layer(&self, route: &Route, owner: &NodeInfo) -> Result<Layer, NodeError> {
        let (turn, root) = match (route.place, &self.admin) {
            (Place::Flows, _) => (Turn::Flows, &self.flows.root),
            (Place::Admin, Some(admin)) => (Turn::Runtime, &admin.root),
            (Place::Admin, None) => {
                return Err(
                    "this runtime does not serve the admin API; set `http-admin-root`".into()
                );
            }
        };
        Ok(Layer {
            turn,
            below: format!("{root}/"),
            what: route.name.clone(),
            who: owner.id.clone(),
            find: Arc::new(|_| None),
        })
    }

    fn gate(&self, route: &Route) -> Option<Gate> {
        match (route.place, &self.admin) {
            (Place::Admin, Some(admin)) => Some((admin.gate)(&route.permission)),
            _ => self.flows.gate.clone(),
        }
    }
}

impl Port for NodePort {
    fn root(&self, place: Place) -> &str {
        match (place, &self.admin) {
            (Place::Flows, _) => &self.flows.root,
            (Place::Admin, Some(admin)) => &admin.root,
            (Place::Admin, None) => "",
        }
    }

    fn add_route(
        &self,
        owner: &NodeInfo,
        route: Route,
        answer: Arc<dyn Answer>,
    ) -> Result<Registered, NodeError> {
        let mut layer = self.layer(&route, owner)?;
        let root = self.root(route.place).len();
        let cors = self.flows.cors.clone().filter(|_| route.place == Place::Flows);
        let page = guarded(page(Arc::clone(&answer), owner), self.gate(&route), cors);
        if route.place == Place::Flows {
            self.served.add(&answer);
        }
        layer.find = Arc::new(move |request| {
            let path = request.uri().path().get(root..).unwrap_or_default();
            answer.answers(request.method(), path).then(|| Arc::clone(&page))
        });
        let (registration, earlier) = self.routes.add_layer(layer);
        Ok(Registered::new(registration, earlier))
    }

    fn add_upgrade(
        &self,
        _: &NodeInfo,
        path: &str,
        upgrade: Arc<dyn Upgrade>,
    ) -> Result<Registered, NodeError> {
        let registration = self
            .routes
            .add_upgrade(&format!("{}{path}", self.flows.root), upgrade)
            .map_err(|error| NodeError::caused_by("cannot listen", error))?;
        Ok(Registered::new(registration, Vec::new()))
    }
}

impl fmt::Debug for NodePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodePort").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// Passes requests to a node.
fn page(answer: Arc<dyn Answer>, owner: &NodeInfo) -> Page {
    let id: Arc<str> = owner.id.as_str().into();
    Arc::new(move |request, peer| {
        let (answer, id) = (Arc::clone(&answer), Arc::clone(&id));
        Box::pin(async move {
            let answered = AssertUnwindSafe(answer.answer(incoming(request, peer)));
            answered.catch_unwind().await.unwrap_or_else(|panic| {
                let reason = NodeError::panic_text(&*panic);
                tracing::error!(node = %id, "the handler of a request panicked: {reason}");
                text(StatusCode::INTERNAL_SERVER_ERROR, "the node failed")
            })
        })
    })
}

fn incoming(request: Request, peer: SocketAddr) -> Incoming {
    let secure = request.extensions().get::<Secure>().is_some();
    let request = request.map(|body| -> crate::Body { Box::pin(body) });
    Incoming { request, origin: Origin { address: peer, secure } }
}

fn guarded(page: Page, gate: Option<Gate>, cors: Option<Cors>) -> Page {
    if gate.is_none() && cors.is_none() {
        return page;
    }
    Arc::new(move |request, peer| {
        let (page, gate, cors) = (Arc::clone(&page), gate.clone(), cors.clone());
        Box::pin(async move {
            let headers = request.headers().clone();
            let (head, body) = request.into_parts();
            if let Some(gate) = gate
                && let Err(refusal) = gate(head.clone(), peer).await
            {
                return refusal;
            }
            let mut response = page(Request::from_parts(head, body), peer).await;
            if let Some(cors) = cors {
                cors.mark(&headers, response.headers_mut());
            }
            response
        })
    })
}

/// Responds to CORS preflight requests (`OPTIONS`).
fn preflight(routes: &Routes, root: &str, cors: Cors) -> Registration {
    let page: Page =
        Arc::new(move |request, _| Box::pin(std::future::ready(cors.preflight(request.headers()))));
    let find =
        move |request: &Request| (request.method() == Method::OPTIONS).then(|| Arc::clone(&page));
    let (registration, _) = routes.add_layer(Layer {
        turn: Turn::Flows,
        below: format!("{root}/"),
        what: String::new(),
        who: String::new(),
        find: Arc::new(find),
    });
    registration
}

/// Handles `OPTIONS` requests for the paths of flows.
fn allowed(routes: &Routes, flows: &FlowRoutes, served: Served) -> Registration {
    let (root, gate) = (flows.root.len(), flows.gate.clone());
    let find = move |request: &Request| {
        if request.method() != Method::OPTIONS {
            return None;
        }
        let methods = served.methods(request.uri().path().get(root..).unwrap_or_default())?;
        let page: Page =
            Arc::new(move |_, _| Box::pin(std::future::ready(allowed::response(&methods))));
        Some(guarded(page, gate.clone(), None))
    };
    let (registration, _) = routes.add_layer(Layer {
        turn: Turn::Methods,
        below: format!("{}/", flows.root),
        what: String::new(),
        who: String::new(),
        find: Arc::new(find),
    });
    registration
}

//! `FlowPages`: what the pages that flows serve have in common.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::Method;
use hyper::header::HeaderMap;

use crate::{Cors, Layer, OpenResponses, Page, Registration, Request, Response, Routes, Turn};

/// Lets a request pass, by its headers, or says what to answer instead.
pub type Gate =
    Arc<dyn Fn(HeaderMap, SocketAddr) -> BoxFuture<'static, Result<(), Response>> + Send + Sync>;

/// The settings of the runtime for what flows serve.
#[derive(Clone)]
pub struct FlowSettings {
    /// What stands before every path, without a slash at the end: Node-RED's `httpNodeRoot`.
    pub root: String,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// How many requests may wait for an answer.
    pub max_open: usize,
    /// How long each of them may.
    pub patience: Duration,
    /// Which pages of other sites may use it.
    pub cors: Option<Cors>,
    /// Who may use it.
    pub gate: Option<Gate>,
}

impl Default for FlowSettings {
    fn default() -> Self {
        FlowSettings {
            root: String::new(),
            max_body: 32 << 20,
            max_open: 4096,
            patience: Duration::from_secs(300),
            cors: None,
            gate: None,
        }
    }
}

impl fmt::Debug for FlowSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowSettings")
            .field("root", &self.root)
            .field("max_body", &self.max_body)
            .field("max_open", &self.max_open)
            .field("patience", &self.patience)
            .field("cors", &self.cors)
            .finish_non_exhaustive()
    }
}

/// The part of the port where flows serve pages: a resource for their nodes.
#[derive(Debug)]
pub struct FlowPages {
    routes: Routes,
    settings: FlowSettings,
    open: Arc<OpenResponses>,
    _preflight: Option<Registration>,
}

impl FlowPages {
    /// A part of the port below `settings.root`.
    pub fn new(routes: Routes, settings: FlowSettings) -> Self {
        let open = Arc::new(OpenResponses::new(settings.max_open));
        let preflight = settings.cors.clone().map(|cors| preflight(&routes, &settings.root, cors));
        FlowPages { routes, settings, open, _preflight: preflight }
    }

    /// The settings.
    pub fn settings(&self) -> &FlowSettings {
        &self.settings
    }

    /// The requests that wait for an answer.
    pub fn open(&self) -> &Arc<OpenResponses> {
        &self.open
    }

    /// Has `find` asked about requests, until the registration is dropped. `what` says which
    /// these are, `who` who asks for them. Those who ask for the same and go first are returned.
    pub fn add(
        &self,
        what: String,
        who: String,
        find: impl Fn(&Request) -> Option<Page> + Send + Sync + 'static,
    ) -> (Registration, Vec<String>) {
        let (gate, cors) = (self.settings.gate.clone(), self.settings.cors.clone());
        self.routes.add_layer(Layer {
            turn: Turn::Flows,
            below: format!("{}/", self.settings.root),
            what,
            who,
            find: Arc::new(move |request| {
                Some(guarded(find(request)?, gate.clone(), cors.clone()))
            }),
        })
    }
}

fn guarded(page: Page, gate: Option<Gate>, cors: Option<Cors>) -> Page {
    if gate.is_none() && cors.is_none() {
        return page;
    }
    Arc::new(move |request, peer| {
        let (page, gate, cors) = (Arc::clone(&page), gate.clone(), cors.clone());
        Box::pin(async move {
            let headers = request.headers().clone();
            if let Some(gate) = gate
                && let Err(refusal) = gate(headers.clone(), peer).await
            {
                return refusal;
            }
            let mut response = page(request, peer).await;
            if let Some(cors) = cors {
                cors.mark(&headers, response.headers_mut());
            }
            response
        })
    })
}

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

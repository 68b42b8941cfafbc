//! What operators ask the program for over HTTP: `/metrics`, `/health` and `/log` below the admin root of
//! the port, the former two also at an address of its own that the setting `metrics` names.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ferrowire_admin::{Admin, authorize};
use ferrowire_http::{
    Layer, Limits, Page, Registration, Request, Response, Routes, Turn, full, serve, text,
};
use hyper::header::{ACCEPT, CACHE_CONTROL, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::health::{self, Health};
use crate::log_page;
use crate::metrics::{Exporter, Format};
use crate::settings::Settings;

/// The permission that a request for metrics needs below the admin root.
const PERMISSION: &str = "metrics.read";

/// Connections of the own address; further ones are refused.
const CONNECTIONS: usize = 64;

/// How long requests at the own address may take when the program ends.
const DRAIN: Duration = Duration::from_millis(250);

const METRICS: &str = "/metrics";

/// The pages, which read the state of the program.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    exporter: Arc<Exporter>,
    health: Health,
}

impl Operation {
    /// The pages of a program in this state of health.
    pub(crate) fn new(admin: &Arc<Admin>, health: Health) -> Self {
        Operation { exporter: Arc::new(Exporter::new(admin.engine().clone())), health }
    }

    /// Adds the pages below the admin root, while the registrations exist. A flow that has a route for
    /// exactly such a path keeps it.
    pub(crate) fn serve_below(
        &self,
        routes: &Routes,
        admin: &Arc<Admin>,
        settings: &Settings,
    ) -> Vec<Registration> {
        let Some(root) = &settings.http_admin_root else { return Vec::new() };
        let private = {
            let (admin, page) = (Arc::clone(admin), self.metrics());
            let page: Page = Arc::new(move |request, peer| {
                let (head, body) = request.into_parts();
                match authorize(&admin, &head, PERMISSION) {
                    Ok(_) => page(Request::from_parts(head, body), peer),
                    Err(refusal) => Box::pin(std::future::ready(refusal.into_response(&head))),
                }
            });
            page
        };
        let add = |turn, path: &str, page: Page| {
            let (path, flows) = (format!("{root}{path}"), routes.clone());
            let find = move |request: &Request| {
                let is_here = request.uri().path() == path && !flows.flows_have(request);
                is_here.then(|| Arc::clone(&page))
            };
            let (below, find) = (format!("{root}/"), Arc::new(find));
            let (what, who) = (String::new(), String::new());
            routes.add_layer(Layer { turn, below, what, who, find }).0
        };
        let log = log_page::page(Arc::clone(admin));
        let mut added =
            vec![add(Turn::Runtime, METRICS, private), add(Turn::Runtime, log_page::PATH, log)];
        added.extend(health::PATHS.map(|path| add(Turn::Early, path, self.health.page(path))));
        added
    }

    /// Serves the pages at the address of the setting `metrics`, if it is set.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub(crate) async fn serve_alone(&self, settings: &Settings) -> anyhow::Result<Alone> {
        let mut alone = Alone { end: CancellationToken::new(), serving: JoinSet::new() };
        let Some(address) = settings.metrics else { return Ok(alone) };
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!(
                "cannot listen on `{address}` for metrics; choose another address with `--metrics`"
            )
        })?;
        let address = listener.local_addr().context("cannot read the address for metrics")?;
        let routes = Routes::new();
        let pages = health::PATHS.map(|path| (path, self.health.page(path)));
        let pages = pages.into_iter().chain([(METRICS, self.metrics())]);
        let added = pages.map(|(path, page)| routes.add_page(path, page));
        let added: Vec<Registration> = added.collect::<Result<_, _>>()?;
        let limits = Limits { connections: CONNECTIONS, drain: DRAIN, ..Limits::default() };
        info!("metrics at http://{address}{METRICS}");
        let end = alone.end.clone();
        alone.serving.spawn(async move {
            serve(listener, None, routes, limits, end).await;
            drop(added);
        });
        Ok(alone)
    }

    fn metrics(&self) -> Page {
        let exporter = Arc::clone(&self.exporter);
        Arc::new(move |request, _| {
            if let Some(refusal) = refuse_method(&request) {
                return Box::pin(std::future::ready(refusal));
            }
            let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
            let format = Format::for_client(accept.unwrap_or_default());
            let exporter = Arc::clone(&exporter);
            Box::pin(async move {
                let written = tokio::task::spawn_blocking(move || exporter.text(format)).await;
                match written {
                    Ok(written) => uncached(full(format.content_type(), written)),
                    Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be read"),
                }
            })
        })
    }
}

/// The server at an address of its own, until dropped.
#[derive(Debug)]
pub(crate) struct Alone {
    end: CancellationToken,
    serving: JoinSet<()>,
}

impl Alone {
    /// Ends the server, after a moment for requests that are open.
    pub(crate) async fn end(mut self) {
        self.end.cancel();
        while self.serving.join_next().await.is_some() {}
    }
}

/// The response to a request that does not only read.
pub(crate) fn refuse_method(request: &Request) -> Option<Response> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    (!reads).then(|| text(StatusCode::METHOD_NOT_ALLOWED, "only GET is supported"))
}

/// A response that is true only now.
pub(crate) fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

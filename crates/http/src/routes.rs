//! The routes of the port.

mod upgrades;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ferrowire_core::MutexExt as _;

use ferrowire_core::port::Upgrade;
use ferrowire_net::{InvalidPath, PathPattern};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use upgrades::Upgrades;

use crate::{Request, Response};

/// Handles ordinary requests.
pub type Page = Arc<dyn Fn(Request, SocketAddr) -> BoxFuture<'static, Response> + Send + Sync>;

/// Returns the handler of a request, if there is one.
pub type Find = Arc<dyn Fn(&Request) -> Option<Page> + Send + Sync>;

/// The order of layers that could handle the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Pages of the runtime that are also served while the port is [held](Routes::hold).
    Early,
    /// The runtime's own pages.
    Runtime,
    /// What flows serve.
    Flows,
    /// The methods that flows serve: answers `OPTIONS` requests that no flow handles.
    Methods,
    /// Fallbacks such as static files.
    Last,
}

/// Handles requests below a path, selected by more than the path.
pub struct Layer {
    /// Its order; of equal ones the first that was added takes precedence.
    pub turn: Turn,
    /// The path, which ends with `/`.
    pub below: String,
    /// What it handles, such as `GET /items/:id`, to detect conflicts.
    pub what: String,
    /// The owner's id.
    pub who: String,
    /// Selects the handler of a request.
    pub find: Find,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("turn", &self.turn)
            .field("below", &self.below)
            .field("what", &self.what)
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

/// The routes of the port.
#[derive(Clone, Default)]
pub struct Routes {
    inner: Arc<Mutex<Tables>>,
    held: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct Tables {
    upgrades: Upgrades,
    other_upgrades: Option<Owned<Arc<dyn Upgrade>>>,
    pages: HashMap<String, Owned<Page>>,
    below: HashMap<String, Owned<Page>>,
    /// In order of precedence. Copied on change, which happens only on deploys.
    layers: Arc<Vec<Owned<Arc<Layer>>>>,
    next_owner: u64,
}

#[derive(Clone)]
struct Owned<T> {
    owner: u64,
    route: T,
}

/// A path is already in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path `{path}` is already in use; choose another one")]
pub struct PathTaken {
    /// The path.
    pub path: String,
}

/// Why upgrades cannot be routed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoUpgrade {
    /// Another handler has the path.
    #[error(transparent)]
    Taken(#[from] PathTaken),
    /// The path is no pattern.
    #[error(transparent)]
    Invalid(#[from] InvalidPath),
}

impl Routes {
    /// No routes.
    pub fn new() -> Self {
        Routes::default()
    }

    /// Lets all requests wait until the returned value is dropped, but for those that a layer of
    /// [`Turn::Early`] handles. A second call has no further effect.
    pub fn hold(&self) -> Held {
        self.held.send_replace(true);
        Held(Arc::clone(&self.held))
    }

    /// Waits while requests are held, unless `request` is handled all the same.
    pub(crate) async fn admit(&self, request: &Request) {
        if *self.held.borrow() && !self.is_early(request) {
            // The sender is a part of this.
            let mut held = self.held.subscribe();
            let _released = held.wait_for(|held| !held).await.is_ok();
        }
    }

    fn is_early(&self, request: &Request) -> bool {
        let layers = Arc::clone(&self.lock().layers);
        let path = request.uri().path();
        let mut early = layers.iter().take_while(|it| it.route.turn == Turn::Early);
        early.any(|it| path.starts_with(&it.route.below) && (it.route.find)(request).is_some())
    }

    /// Whether a flow has a route for exactly the method and path of the request.
    pub fn flows_have(&self, request: &Request) -> bool {
        let layers = Arc::clone(&self.lock().layers);
        layers.iter().filter(|it| it.route.turn == Turn::Flows).any(|it| {
            let root = it.route.below.trim_end_matches('/');
            let path = request.uri().path().strip_prefix(root);
            let name = it.route.what.split_once(' ');
            name.is_some_and(|(method, own)| method == request.method() && path == Some(own))
        })
    }

    /// Routes upgrade requests for `path` to `upgrade`, until the registration is dropped. The path
    /// begins with `/`; it may have parameters (`/ocpp/:id`) and end with a wildcard (`/live/*`). Of
    /// several that match a request the most exact one applies ([`PathPattern::precedence`]).
    ///
    /// # Errors
    /// If the same path already has a handler, whatever its parameters are called, or is invalid.
    pub fn add_upgrade(
        &self,
        path: &str,
        upgrade: Arc<dyn Upgrade>,
    ) -> Result<Registration, NoUpgrade> {
        let pattern = PathPattern::parse(path)?;
        let mut tables = self.lock();
        tables.next_owner += 1;
        let owner = tables.next_owner;
        tables.upgrades.add(path, pattern, Owned { owner, route: upgrade })?;
        let (routes, path) = (self.clone(), path.to_owned());
        Ok(Registration { routes, kind: Kind::Upgrade, path, owner })
    }

    /// Routes requests for WebSockets that have no handler to `upgrade`, until the registration is
    /// dropped. Unlike a wildcard it does not make their paths known ones: other requests for them are
    /// handled as without it. A second one replaces the first.
    pub fn add_other_upgrades(&self, upgrade: Arc<dyn Upgrade>) -> Registration {
        let mut tables = self.lock();
        tables.next_owner += 1;
        let owner = tables.next_owner;
        tables.other_upgrades = Some(Owned { owner, route: upgrade });
        Registration { routes: self.clone(), kind: Kind::OtherUpgrades, path: String::new(), owner }
    }

    /// Routes other requests for exactly `path` to `page`, until the registration is dropped.
    ///
    /// # Errors
    /// If `path` already has a handler.
    pub fn add_page(&self, path: &str, page: Page) -> Result<Registration, PathTaken> {
        self.add(Kind::Page, path, |tables| &mut tables.pages, page)
    }

    /// Routes other requests below `path` (which ends with `/`) to `page`, unless a longer or exact
    /// path matches, until the registration is dropped.
    ///
    /// # Errors
    /// If paths below `path` already have a handler.
    pub fn add_pages_below(&self, path: &str, page: Page) -> Result<Registration, PathTaken> {
        self.add(Kind::Below, path, |tables| &mut tables.below, page)
    }

    /// Adds `layer`, which is tried for requests without an exact path, before the handlers of
    /// everything below a path, until the registration is dropped. Also returns the owners of
    /// layers that handle the same and take precedence.
    pub fn add_layer(&self, layer: Layer) -> (Registration, Vec<String>) {
        let mut tables = self.lock();
        tables.next_owner += 1;
        let owner = tables.next_owner;
        let same = |it: &&Owned<Arc<Layer>>| {
            !layer.what.is_empty() && it.route.what == layer.what && it.route.turn <= layer.turn
        };
        let others = tables.layers.iter().filter(same).map(|it| it.route.who.clone()).collect();
        let path = layer.below.clone();
        let mut layers = tables.layers.as_ref().clone();
        let at = layers.partition_point(|it| it.route.turn <= layer.turn);
        layers.insert(at, Owned { owner, route: Arc::new(layer) });
        tables.layers = Arc::new(layers);
        (Registration { routes: self.clone(), kind: Kind::Layer, path, owner }, others)
    }

    fn add<T>(
        &self,
        kind: Kind,
        path: &str,
        table: impl FnOnce(&mut Tables) -> &mut HashMap<String, Owned<T>>,
        route: T,
    ) -> Result<Registration, PathTaken> {
        let mut tables = self.lock();
        tables.next_owner += 1;
        let owner = tables.next_owner;
        let table = table(&mut tables);
        if table.contains_key(path) {
            return Err(PathTaken { path: path.to_owned() });
        }
        table.insert(path.to_owned(), Owned { owner, route });
        Ok(Registration { routes: self.clone(), kind, path: path.to_owned(), owner })
    }

    /// The handler of upgrades at `path`.
    pub fn upgrade_at(&self, path: &str) -> Option<Arc<dyn Upgrade>> {
        self.lock().upgrades.at(path)
    }

    pub(crate) fn other_upgrades(&self) -> Option<Arc<dyn Upgrade>> {
        self.lock().other_upgrades.as_ref().map(|other| Arc::clone(&other.route))
    }

    pub(crate) fn page_for(&self, request: &Request) -> Option<Page> {
        let path = request.uri().path();
        let tables = self.lock();
        if let Some(exact) = tables.pages.get(path) {
            return Some(Arc::clone(&exact.route));
        }
        let layers = Arc::clone(&tables.layers);
        let mut above = path.match_indices('/').rev();
        let below = above.find_map(|(at, _)| Some((at + 1, tables.below.get(path.get(..=at)?)?)));
        // What handles everything below a path does not hide that the path is one of upgrades, unless
        // those are for everything there as well.
        let below =
            below.filter(|(length, _)| tables.upgrades.literal_length(path) <= Some(*length));
        let below = below.map(|(_, owned)| Arc::clone(&owned.route));
        // Flows' patterns are matched without holding the lock.
        drop(tables);
        let asked = layers.iter().filter(|it| path.starts_with(&it.route.below));
        asked.map(|it| (it.route.find)(request)).find(Option::is_some).flatten().or(below)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.inner.locked()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.lock();
        f.debug_struct("Routes")
            .field("upgrades", &tables.upgrades)
            .field("pages", &tables.pages.keys())
            .field("below", &tables.below.keys())
            .field("layers", &tables.layers.iter().map(|it| &it.route).collect::<Vec<_>>())
            .finish()
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Upgrade,
    OtherUpgrades,
    Page,
    Below,
    Layer,
}

/// Requests wait until this is dropped.
#[derive(Debug)]
#[must_use = "requests are handled as soon as this is dropped"]
pub struct Held(Arc<watch::Sender<bool>>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

/// A registered path, released on drop.
#[derive(Debug)]
#[must_use = "the path is free again as soon as this is dropped"]
pub struct Registration {
    routes: Routes,
    kind: Kind,
    path: String,
    owner: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut tables = self.routes.lock();
        match self.kind {
            Kind::Upgrade => tables.upgrades.release(self.owner),
            Kind::OtherUpgrades => {
                tables.other_upgrades.take_if(|other| other.owner == self.owner);
            }
            Kind::Page => release(&mut tables.pages, &self.path, self.owner),
            Kind::Below => release(&mut tables.below, &self.path, self.owner),
            Kind::Layer => {
                let others = tables.layers.iter().filter(|it| it.owner != self.owner);
                tables.layers = Arc::new(others.cloned().collect());
            }
        }
    }
}

fn release<T>(table: &mut HashMap<String, Owned<T>>, path: &str, owner: u64) {
    if table.get(path).is_some_and(|owned| owned.owner == owner) {
        table.remove(path);
    }
}

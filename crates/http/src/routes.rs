//! Which path belongs to whom.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ferrowire_core::port::Upgrade;
use futures_util::future::BoxFuture;

use crate::{Request, Response};

/// Answers ordinary requests.
pub type Page = Arc<dyn Fn(Request, SocketAddr) -> BoxFuture<'static, Response> + Send + Sync>;

/// Looks whether it answers a request, and how.
pub type Find = Arc<dyn Fn(&Request) -> Option<Page> + Send + Sync>;

/// Who is asked first when several could answer a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// The runtime's own pages.
    Runtime,
    /// What flows serve.
    Flows,
    /// Which methods flows serve, for those who ask by `OPTIONS` and whom no flow answers.
    Methods,
    /// What is there when nobody else answers, such as files.
    Last,
}

/// Answers requests below a path that it chooses by more than the path.
pub struct Layer {
    /// When it is asked; of equal ones the first that was added goes first.
    pub turn: Turn,
    /// The path, which ends with `/`.
    pub below: String,
    /// What it answers, such as `GET /items/:id`, to find out that somebody else does, too.
    pub what: String,
    /// Who it is.
    pub who: String,
    /// Looks whether it answers a request.
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

/// The paths of the port.
#[derive(Clone, Default)]
pub struct Routes {
    inner: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    upgrades: HashMap<String, Owned<Arc<dyn Upgrade>>>,
    pages: HashMap<String, Owned<Page>>,
    below: HashMap<String, Owned<Page>>,
    /// In the order in which they are asked. Copied when it changes, which is at deploys only.
    layers: Arc<Vec<Owned<Arc<Layer>>>>,
    next_owner: u64,
}

#[derive(Clone)]
struct Owned<T> {
    owner: u64,
    route: T,
}

/// A path is in use already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path `{path}` is in use already; choose another one")]
pub struct PathTaken {
    /// The path.
    pub path: String,
}

impl Routes {
    /// No path at all.
    pub fn new() -> Self {
        Routes::default()
    }

    /// Sends upgrade requests for exactly `path` (which begins with `/`) to `upgrade`, until the
    /// registration is dropped.
    ///
    /// # Errors
    /// When somebody else takes upgrades at `path`.
    pub fn add_upgrade(
        &self,
        path: &str,
        upgrade: Arc<dyn Upgrade>,
    ) -> Result<Registration, PathTaken> {
        self.add(Kind::Upgrade, path, |tables| &mut tables.upgrades, upgrade)
    }

    /// Sends other requests for exactly `path` to `page`, until the registration is dropped.
    ///
    /// # Errors
    /// When somebody else answers at `path`.
    pub fn add_page(&self, path: &str, page: Page) -> Result<Registration, PathTaken> {
        self.add(Kind::Page, path, |tables| &mut tables.pages, page)
    }

    /// Sends other requests for all paths below `path` (which ends with `/`) to `page`, unless
    /// a longer path or an exact one is somebody else's, until the registration is dropped.
    ///
    /// # Errors
    /// When somebody else answers below `path`.
    pub fn add_pages_below(&self, path: &str, page: Page) -> Result<Registration, PathTaken> {
        self.add(Kind::Below, path, |tables| &mut tables.below, page)
    }

    /// Asks `layer` about requests that no exact path takes, before those who answer whatever is
    /// below a path, until the registration is dropped. The names of those that answer the same
    /// already, and go first, are returned with it.
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

    /// Who takes upgrades at exactly `path`.
    pub fn upgrade_at(&self, path: &str) -> Option<Arc<dyn Upgrade>> {
        self.lock().upgrades.get(path).map(|owned| Arc::clone(&owned.route))
    }

    pub(crate) fn page_for(&self, request: &Request) -> Option<Page> {
        let path = request.uri().path();
        let tables = self.lock();
        if let Some(exact) = tables.pages.get(path) {
            return Some(Arc::clone(&exact.route));
        }
        let layers = Arc::clone(&tables.layers);
        let mut above = path.match_indices('/').rev();
        let below = above.find_map(|(at, _)| tables.below.get(path.get(..=at)?));
        let below = below.map(|owned| Arc::clone(&owned.route));
        // Flows' patterns are matched without holding anybody else up.
        drop(tables);
        let asked = layers.iter().filter(|it| path.starts_with(&it.route.below));
        asked.map(|it| (it.route.find)(request)).find(Option::is_some).flatten().or(below)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.lock();
        f.debug_struct("Routes")
            .field("upgrades", &tables.upgrades.keys())
            .field("pages", &tables.pages.keys())
            .field("below", &tables.below.keys())
            .field("layers", &tables.layers.iter().map(|it| &it.route).collect::<Vec<_>>())
            .finish()
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Upgrade,
    Page,
    Below,
    Layer,
}

/// A claim on a path, given up on drop.
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
            Kind::Upgrade => release(&mut tables.upgrades, &self.path, self.owner),
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

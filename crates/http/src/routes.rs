//! Which path belongs to whom.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::http::request::Parts;

use crate::{Request, Response, Stream};

/// Takes connections over from HTTP, for example to speak WebSocket on them.
pub trait Upgrade: Send + Sync {
    /// Judges a request to upgrade: what to answer and who goes on with the connection, or why
    /// not.
    ///
    /// # Errors
    /// The response that refuses the upgrade.
    fn upgrade(&self, request: &Parts, peer: SocketAddr) -> Result<Accepted, Box<Response>>;
}

/// An upgrade that was agreed to.
pub struct Accepted {
    /// The `101 Switching Protocols` to send.
    pub response: Response,
    /// Gets the connection after that, with the bytes that came in too early.
    pub connected: Box<dyn FnOnce(Stream, Bytes) + Send>,
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").finish_non_exhaustive()
    }
}

/// Answers ordinary requests.
pub type Page = Arc<dyn Fn(Request, SocketAddr) -> BoxFuture<'static, Response> + Send + Sync>;

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
    next_owner: u64,
}

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

    pub(crate) fn upgrade_at(&self, path: &str) -> Option<Arc<dyn Upgrade>> {
        self.lock().upgrades.get(path).map(|owned| Arc::clone(&owned.route))
    }

    pub(crate) fn page_at(&self, path: &str) -> Option<Page> {
        let tables = self.lock();
        let exact = tables.pages.get(path);
        let owner = exact.or_else(|| {
            let mut above = path.match_indices('/').rev();
            above.find_map(|(at, _)| tables.below.get(path.get(..=at)?))
        });
        owner.map(|owned| Arc::clone(&owned.route))
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
            .finish()
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Upgrade,
    Page,
    Below,
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
        }
    }
}

fn release<T>(table: &mut HashMap<String, Owned<T>>, path: &str, owner: u64) {
    if table.get(path).is_some_and(|owned| owned.owner == owner) {
        table.remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn named(routes: &Routes, path: &str, below: bool) -> Registration {
        let page: Page =
            Arc::new(|_, _| Box::pin(std::future::ready(text(hyper::StatusCode::OK, ""))));
        match below {
            true => routes.add_pages_below(path, page).unwrap(),
            false => routes.add_page(path, page).unwrap(),
        }
    }

    #[test]
    fn the_exact_path_goes_before_the_longest_one_above() {
        let routes = Routes::new();
        let _root = named(&routes, "/", true);
        let admin = named(&routes, "/admin/", true);
        let _exact = named(&routes, "/admin/x", false);
        let is = |path: &str, owner: &str| {
            let tables = routes.lock();
            let of = tables.pages.get(owner).or_else(|| tables.below.get(owner)).unwrap();
            let expected = Arc::clone(&of.route);
            drop(tables);
            Arc::ptr_eq(&routes.page_at(path).unwrap(), &expected)
        };
        assert!(is("/admin/x", "/admin/x"));
        assert!(is("/admin/y/z", "/admin/"));
        assert!(is("/admin", "/"));
        assert!(is("/", "/"));
        drop(admin);
        assert!(is("/admin/y/z", "/"));
    }
}

//! The handlers of upgrades, by the patterns of their paths.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ferrowire_core::port::Upgrade;
use ferrowire_net::PathPattern;

use super::{Owned, PathTaken};

/// Handlers by path. Paths as they are written in requests are looked up; the others are tried in
/// the order of their precedence.
#[derive(Default)]
pub(super) struct Upgrades {
    exact: HashMap<String, Owned<Arc<dyn Upgrade>>>,
    patterns: Vec<Entry>,
}

struct Entry {
    path: String,
    pattern: PathPattern,
    handler: Owned<Arc<dyn Upgrade>>,
}

impl Upgrades {
    pub(super) fn add(
        &mut self,
        path: &str,
        pattern: PathPattern,
        handler: Owned<Arc<dyn Upgrade>>,
    ) -> Result<(), PathTaken> {
        let taken = || PathTaken { path: path.to_owned() };
        // Percent-encoding may be written in several ways.
        if !pattern.has_variables() && !path.contains('%') {
            if self.exact.contains_key(path) {
                return Err(taken());
            }
            self.exact.insert(path.to_owned(), handler);
            return Ok(());
        }
        if self.patterns.iter().any(|entry| entry.pattern.is_same(&pattern)) {
            return Err(taken());
        }
        let at = self.patterns.partition_point(|entry| entry.pattern.precedence(&pattern).is_le());
        self.patterns.insert(at, Entry { path: path.to_owned(), pattern, handler });
        Ok(())
    }

    pub(super) fn release(&mut self, owner: u64) {
        self.exact.retain(|_, handler| handler.owner != owner);
        self.patterns.retain(|entry| entry.handler.owner != owner);
    }

    /// The most exact handler for the path of a request.
    pub(super) fn at(&self, path: &str) -> Option<Arc<dyn Upgrade>> {
        let exact = self.exact.get(path);
        let handler = exact.or_else(|| self.pattern_of(path).map(|entry| &entry.handler));
        handler.map(|handler| Arc::clone(&handler.route))
    }

    fn pattern_of(&self, path: &str) -> Option<&Entry> {
        self.patterns.iter().find(|entry| entry.pattern.matched(path).is_some())
    }

    /// How many bytes of the path's pattern come before its first parameter or wildcard; `None`
    /// without a handler for the path.
    pub(super) fn literal_length(&self, path: &str) -> Option<usize> {
        if self.exact.contains_key(path) {
            return Some(path.len());
        }
        self.pattern_of(path).map(|entry| PathPattern::literal_length(&entry.path))
    }
}

impl fmt::Debug for Upgrades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.patterns.iter().map(|entry| &entry.path);
        f.debug_set().entries(self.exact.keys().chain(patterns)).finish()
    }
}

//! The connections of all `tcp in` nodes, to which `tcp out` nodes reply.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use ferrowire::MutexExt as _;

use crate::peer::Peer;

static POOL: LazyLock<Mutex<BTreeMap<String, Arc<Peer>>>> = LazyLock::new(Mutex::default);

/// A connection in the pool, until dropped.
#[derive(Debug)]
pub(crate) struct Entry(Arc<Peer>);

impl Entry {
    pub(crate) fn new(peer: &Arc<Peer>) -> Self {
        POOL.locked().insert(peer.id.clone(), Arc::clone(peer));
        Entry(Arc::clone(peer))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        POOL.locked().remove(&self.0.id);
    }
}

/// The connection of a session.
pub(crate) fn find(id: &str) -> Option<Arc<Peer>> {
    POOL.locked().get(id).cloned()
}

/// All connections.
pub(crate) fn all() -> Vec<Arc<Peer>> {
    POOL.locked().values().cloned().collect()
}

//! Context: what functions keep for their node, their flow and everyone.
//!
//! The contract has no service for context yet. Until it has one, everything lies in memory,
//! shared by all functions of the process; `Store` is the seam for a better place.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ferrowire_core::{Message, NodeError, PropertyPath, Value};

/// A place for context. `scope` is a node's id, a flow's id, or [`GLOBAL`]; `store` is the name
/// that the function gave, empty for the default one.
pub(crate) trait Store: Send + Sync {
    /// The value at `path`, a property expression.
    fn get(&self, scope: &str, store: &str, path: &str) -> Result<Option<Value>, NodeError>;
    /// Sets the value at `path`, or removes it.
    fn set(
        &self,
        scope: &str,
        store: &str,
        path: &str,
        value: Option<Value>,
    ) -> Result<(), NodeError>;
    /// The names at the top.
    fn keys(&self, scope: &str, store: &str) -> Vec<String>;
    /// Forgets everything in `scope`.
    fn clear(&self, scope: &str);
}

/// The scope that everyone sees.
pub(crate) const GLOBAL: &str = "global";

/// Context in memory. As in Node-RED, a store that is not configured means the default one.
#[derive(Default)]
struct Memory {
    scopes: Mutex<HashMap<String, Message>>,
}

static MEMORY: LazyLock<Arc<Memory>> = LazyLock::new(Arc::default);

/// The store of this process.
pub(crate) fn memory() -> Arc<dyn Store> {
    Arc::clone(&MEMORY) as _
}

fn parse(path: &str) -> Result<PropertyPath, NodeError> {
    PropertyPath::parse(path).map_err(|error| NodeError::new(error.to_string()))
}

impl Store for Memory {
    fn get(&self, scope: &str, _: &str, path: &str) -> Result<Option<Value>, NodeError> {
        let scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scope) = scopes.get(scope) else { return Ok(None) };
        if let Some(value) = scope.get(path) {
            return Ok(Some(value.clone()));
        }
        // A part on the way that is missing means that the value is.
        Ok(parse(path)?.read(scope).unwrap_or(None))
    }

    fn set(&self, scope: &str, _: &str, path: &str, value: Option<Value>) -> Result<(), NodeError> {
        let path = parse(path)?;
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        let scope = scopes.entry(scope.to_owned()).or_default();
        match value {
            None => drop(path.remove(scope)),
            Some(value) => {
                path.set(scope, value).map_err(|error| NodeError::new(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn keys(&self, scope: &str, _: &str) -> Vec<String> {
        let scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(scope) = scopes.get(scope) else { return Vec::new() };
        scope.properties().iter().map(|(key, _)| key.to_string()).collect()
    }

    fn clear(&self, scope: &str) {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }
}

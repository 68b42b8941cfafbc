//! `Place`: where in a context a value is kept.

use ferrowire::{Atomic, Context, Key, NodeContext, NodeError, PropertyPath, Scope, Value};
use futures_util::future::BoxFuture;

/// A path in a context.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    scope: Scope,
    store: String,
    path: PropertyPath,
}

impl Place {
    /// `scope` is the word that the prelude uses.
    pub(crate) fn parse(scope: &str, path: &str, store: String) -> Result<Self, NodeError> {
        let path = PropertyPath::parse_key(path).map_err(|error| error.to_string())?;
        Ok(Place { scope: scope_of(scope), store, path })
    }

    fn context<'a>(&'a self, cx: &'a NodeContext) -> Context<'a> {
        cx.context(self.scope).in_store(&self.store)
    }

    pub(crate) fn get(&self, cx: &NodeContext) -> Result<Option<Value>, NodeError> {
        self.context(cx).get(&self.path)
    }

    pub(crate) fn set(&self, cx: &NodeContext, value: Option<Value>) -> Result<(), NodeError> {
        self.context(cx).set(&self.path, value)
    }
}

/// The answer of a store, which may come later.
pub(crate) type Answer = BoxFuture<'static, Result<Value, NodeError>>;

impl Place {
    /// Ends when what was set is durable; `None` if it is.
    pub(crate) fn written(&self, cx: &NodeContext) -> Result<Option<Answer>, NodeError> {
        let written = self.context(cx).written(&self.path)?;
        Ok(written.map(|written| -> Answer {
            Box::pin(async { written.await.map(|()| Value::Undefined) })
        }))
    }

    /// Changes the value in one step.
    pub(crate) fn change(&self, cx: &NodeContext, change: Atomic) -> Result<Answer, NodeError> {
        self.context(cx).change(&self.path, change)
    }
}

fn scope_of(word: &str) -> Scope {
    match word {
        "node" => Scope::Node,
        "flow" => Scope::Flow,
        _ => Scope::Global,
    }
}

/// The names of the values of a context.
pub(crate) fn keys(cx: &NodeContext, scope: &str, store: &str) -> Result<Vec<Key>, NodeError> {
    cx.context(scope_of(scope)).in_store(store).keys()
}

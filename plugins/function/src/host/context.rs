//! Context and expressions as JavaScript asks for them.

use ferrowire::expression::Jsonata;
use ferrowire::{Context, Key, NodeContext, NodeError, PropertyPath, Scope, Value};

/// `scope` is the word that the prelude uses.
fn context<'a>(cx: &'a NodeContext, scope: &str, store: &'a str) -> Context<'a> {
    let scope = match scope {
        "node" => Scope::Node,
        "flow" => Scope::Flow,
        _ => Scope::Global,
    };
    cx.context(scope).in_store(store)
}

fn parse(key: &str) -> Result<PropertyPath, NodeError> {
    PropertyPath::parse_key(key).map_err(|error| NodeError::new(error.to_string()))
}

pub(super) fn get(
    cx: &NodeContext,
    scope: &str,
    key: &str,
    store: &str,
) -> Result<Option<Value>, NodeError> {
    context(cx, scope, store).get(&parse(key)?)
}

pub(super) fn set(
    cx: &NodeContext,
    scope: &str,
    key: &str,
    store: &str,
    value: Option<Value>,
) -> Result<(), NodeError> {
    context(cx, scope, store).set(&parse(key)?, value)
}

pub(super) fn keys(cx: &NodeContext, scope: &str, store: &str) -> Result<Vec<Key>, NodeError> {
    context(cx, scope, store).keys()
}

/// The value of a JSONata expression over `input`.
pub(super) fn expression(
    cx: &NodeContext,
    source: &str,
    input: &Value,
) -> Result<Option<Value>, NodeError> {
    let compiled = Jsonata::compile(source).map_err(|error| NodeError::new(error.to_string()))?;
    compiled.evaluate(input, cx)
}

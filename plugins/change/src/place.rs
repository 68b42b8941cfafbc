//! `Place`: the property of a message or a context that a rule reads and writes.

use ferrowire::{
    ContextKey, Message, NodeConfig, NodeContext, NodeError, PropertyPath, Scope, Value,
};

#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    /// As it is configured.
    name: String,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Message(PropertyPath),
    Context(ContextKey),
}

impl Place {
    /// Reads the property `name`, whose type is in the property `kind`: `msg`, `flow` or `global`.
    /// `None` after a problem.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>, name: &str, kind: &str) -> Option<Self> {
        let kind = config.text_or(kind, "msg");
        let place = match config.raw(name) {
            None => Place::parse("", &kind),
            Some(Value::String(place)) => Place::parse(place, &kind),
            Some(other) => Err(format!("expected a string, found `{}`", other.to_json())),
        };
        place.map_err(|text| config.problem(name, text)).ok()
    }

    fn parse(name: &str, kind: &str) -> Result<Self, String> {
        let context = |scope| ContextKey::parse(scope, name).map(Kind::Context);
        let kind = match kind {
            "msg" => PropertyPath::parse(name).map(Kind::Message),
            "flow" => context(Scope::Flow),
            "global" => context(Scope::Global),
            other => return Err(format!("expected `msg`, `flow` or `global`, found `{other}`")),
        };
        let kind = kind.map_err(|error| error.to_string())?;
        Ok(Place { name: name.to_owned(), kind })
    }

    pub(crate) fn is_message(&self) -> bool {
        matches!(self.kind, Kind::Message(_))
    }

    /// Whether `other` is part of this name, in the same kind of place.
    pub(crate) fn names(&self, other: &Place) -> bool {
        let same = match (&self.kind, &other.kind) {
            (Kind::Message(_), Kind::Message(_)) => true,
            (Kind::Context(a), Kind::Context(b)) => a.scope() == b.scope(),
            _ => false,
        };
        same && self.name.contains(&other.name)
    }

    /// The value; `Err(None)` when something on the path to it is missing.
    pub(crate) fn read(
        &self,
        msg: &Message,
        cx: &NodeContext,
    ) -> Result<Option<Value>, Option<NodeError>> {
        match &self.kind {
            Kind::Message(path) => path.read(msg).map_err(|_| None),
            Kind::Context(key) => key.get(msg, cx).map_err(Some),
        }
    }

    /// Replaces the value by the result of `change`; `None` leaves it as it is.
    pub(crate) fn change(
        &self,
        msg: &mut Message,
        cx: &NodeContext,
        change: impl FnOnce(&Value) -> Result<Option<Option<Value>>, NodeError>,
    ) -> Result<(), NodeError> {
        let changed = match &self.kind {
            Kind::Message(path) => path.get(msg).map(change),
            Kind::Context(key) => key.get(msg, cx)?.as_ref().map(change),
        };
        let changed = changed.transpose()?.flatten();
        changed.map_or(Ok(()), |value| self.write(value, msg, cx))
    }

    /// Writes the value, or removes the property when it is `undefined`. As in Node-RED, a value
    /// that cannot be written, for example into a string, is left out with a warning.
    pub(crate) fn write(
        &self,
        value: Option<Value>,
        msg: &mut Message,
        cx: &NodeContext,
    ) -> Result<(), NodeError> {
        match (&self.kind, value) {
            (Kind::Message(path), None) => drop(path.remove(msg)),
            (Kind::Message(path), Some(value)) => {
                if let Err(error) = path.set(msg, value) {
                    cx.warn(format_args!("property `{}` is left out: {error}", self.name));
                }
            }
            (Kind::Context(key), value) => key.set(msg, cx, value)?,
        }
        Ok(())
    }
}

//! `ContextPlace`: the key under which a store keeps one context.

use std::borrow::Cow;

/// One context in a [`ContextStore`](crate::ContextStore). Its [`text`](Self::text) is
/// Node-RED's: `global`, the id of a flow, or `node:flow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextPlace<'a> {
    /// What all flows share.
    Global,
    /// The flow with this id: a tab or a subflow instance.
    Flow(&'a str),
    /// A node.
    Node {
        /// The node's id; in a subflow instance, its id in the definition.
        id: &'a str,
        /// The id of its flow; empty for a global configuration node, whose text is its id alone.
        flow: &'a str,
    },
}

const GLOBAL: &str = "global";

impl<'a> ContextPlace<'a> {
    /// Parses the text of a place. Ids contain no colon. The id of a global configuration node is
    /// read as a flow.
    pub fn parse(place: &'a str) -> Self {
        match place.split_once(':') {
            Some((id, flow)) => ContextPlace::Node { id, flow },
            None if place == GLOBAL => ContextPlace::Global,
            None => ContextPlace::Flow(place),
        }
    }

    /// The text of the place; the inverse of [`parse`](Self::parse).
    pub fn text(self) -> Cow<'a, str> {
        match self {
            ContextPlace::Global => Cow::Borrowed(GLOBAL),
            ContextPlace::Flow(id) | ContextPlace::Node { id, flow: "" } => Cow::Borrowed(id),
            ContextPlace::Node { id, flow } => Cow::Owned(format!("{id}:{flow}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_place_is_that_of_node_red() {
        for (place, text) in [
            (ContextPlace::Global, "global"),
            (ContextPlace::Flow("tab"), "tab"),
            (ContextPlace::Node { id: "n", flow: "tab" }, "n:tab"),
        ] {
            assert_eq!((&*place.text(), ContextPlace::parse(text)), (text, place));
        }
        assert_eq!(ContextPlace::Node { id: "config", flow: "" }.text(), "config");
    }
}

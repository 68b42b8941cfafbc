//! The node `change`: sets, changes, deletes and moves properties of messages.

mod pattern;
mod place;
mod replace;
mod rule;
mod sought;

use ferrowire::{
    Editor, FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeType, Value,
};

use rule::Rule;

/// Node-RED's `change`: a list of rules, applied in order.
///
/// `dc` (deep copy) is accepted and makes no difference: values that two properties share are
/// copied as soon as one of them is changed, so a copy never shows what happens to the original.
#[derive(Debug)]
pub struct Change {
    rules: Vec<Rule>,
}

impl FromConfig for Change {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let list = match config.raw("rules") {
            Some(Value::Array(list)) => list.to_vec(),
            None => legacy_rule(config).into_iter().collect(),
            Some(_) => {
                config.problem("rules", "a list of rules was expected");
                Vec::new()
            }
        };
        let parse = |(at, rule): (usize, &Value)| Rule::from_config(config, at, rule);
        Change { rules: list.iter().enumerate().filter_map(parse).collect() }
    }
}

/// The one rule of a node from before there was a list. None if it says nothing to do.
fn legacy_rule(config: &mut NodeConfig<'_>) -> Option<Value> {
    let action = config.text("action");
    if action.is_empty() {
        return None;
    }
    let kind = if action == "replace" { "set" } else { &action };
    let mut rule = Map::from_iter([("t", kind), ("p", &config.text("property"))]);
    for name in ["from", "to"] {
        rule.insert(name, config.text(name));
    }
    // As in Node-RED, `null` means yes, and a missing property means no.
    let regexp = config.properties().get("reg") == Some(&Value::Null);
    rule.insert("re", config.boolean("reg", regexp));
    Some(rule.into())
}

impl Node for Change {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        for rule in &self.rules {
            if let Err(error) = rule.apply(&mut msg, cx) {
                return Handled::Failed(error);
            }
        }
        Handled::Send(0, msg)
    }
}

ferrowire::register!(
    NodeType::shared::<Change>("change")
        .summary("sets, changes, deletes and moves properties of messages")
        .category("function")
        .editor(Editor::NodeRed("function/15-change"))
);

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

// Its regular expressions.
#[cfg(test)]
use ferrowire_testkit as _;

/// Node-RED's `change`: a list of rules, applied in order.
///
/// `dc` (deep copy) makes no difference: values that two properties share are copied when one of
/// them is changed, so a copy never shows a change of the original.
#[derive(Debug)]
pub struct Change {
    rules: Vec<Rule>,
}

impl FromConfig for Change {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        if config.raw("rules").is_some() {
            return Change { rules: config.list("rules", Rule::from_config) };
        }
        let rule = legacy_rule(config);
        let rule = rule.and_then(|rule| config.element("rules[0]", rule, Rule::from_config));
        Change { rules: rule.into_iter().collect() }
    }
}

/// The rule of an old node, which has one in its own properties; `None` if it has no action.
fn legacy_rule(config: &mut NodeConfig<'_>) -> Option<Map> {
    let action = config.text("action");
    if action.is_empty() {
        return None;
    }
    let kind = if action == "replace" { "set" } else { &action };
    let mut rule = Map::from_iter([("t", kind), ("p", &config.text("property"))]);
    for name in ["from", "to"] {
        rule.insert(name, config.text(name));
    }
    // As in Node-RED, `null` stands for `true`, and a missing property for `false`.
    let regexp = config.properties().get("reg") == Some(&Value::Null);
    rule.insert("re", config.boolean("reg", regexp));
    Some(rule)
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

//! The node `switch`: routes messages by rules.

mod rule;
mod sequence;

use std::sync::{Mutex, MutexGuard, PoisonError};

use ferrowire::expression::TypedValue;
use ferrowire::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    StopReason, Value, async_trait,
};

use rule::{Input, Rule};
use sequence::{Groups, Parts};

/// Node-RED's `switch`: a rule for each output.
#[derive(Debug)]
pub struct Switch {
    /// `None` is undefined.
    property: Option<TypedValue>,
    rules: Vec<Rule>,
    check_all: bool,
    /// Gives the sequences that leave each output their own numbers.
    repair: bool,
    /// Messages of a sequence wait until it is complete.
    needs_count: bool,
    uses_previous: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    previous: Option<Value>,
    groups: Groups,
}

/// Outputs; for one, which is what most messages take, nothing is allocated.
#[derive(Debug, Default)]
struct Ports {
    first: Option<usize>,
    others: Vec<usize>,
}

impl Ports {
    fn push(&mut self, port: usize) {
        match self.first {
            None => self.first = Some(port),
            Some(_) => self.others.push(port),
        }
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.first.into_iter().chain(self.others.iter().copied())
    }
}

impl FromConfig for Switch {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let list = match config.raw("rules") {
            Some(Value::Array(list)) => list.to_vec(),
            None => Vec::new(),
            Some(_) => {
                config.problem("rules", "a list of rules was expected");
                Vec::new()
            }
        };
        let parse = |(at, rule): (usize, &Value)| Rule::from_config(config, at, rule);
        let rules: Vec<Rule> = list.iter().enumerate().filter_map(parse).collect();
        let property = match config.raw("property") {
            None => None,
            Some(_) => TypedValue::from_config(config, "property", "propertyType", "msg"),
        };
        let repair = config.boolean("repair", false);
        let state = State { previous: Some(Value::Null), groups: Groups::default() };
        Switch {
            property,
            check_all: config.boolean("checkall", true),
            repair,
            needs_count: repair || rules.iter().any(Rule::needs_count),
            uses_previous: rules.iter().any(Rule::uses_previous),
            rules,
            state: Mutex::new(state),
        }
    }
}

impl Switch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outputs that the message leaves through.
    fn ports(&self, msg: &Message, cx: &NodeContext) -> Result<Ports, NodeError> {
        let property = match &self.property {
            Some(property) => rule::look_up(property, msg, cx)?,
            None => None,
        };
        let property = property.as_deref();
        let parts = Parts::of(msg);
        let mut state = self.uses_previous.then(|| self.state());
        let previous = state.as_ref().and_then(|state| state.previous.clone());
        let input = Input { property, previous: previous.as_ref(), parts, msg, cx };
        let mut ports = Ports::default();
        let mut is_else = true;
        for (port, rule) in self.rules.iter().enumerate() {
            let matches = rule.matches(&input, is_else)?;
            is_else = (is_else || rule.is_else()) && !matches;
            if matches {
                ports.push(port);
                if !self.check_all {
                    break;
                }
            }
        }
        if let Some(state) = &mut state {
            state.previous = property.cloned();
        }
        Ok(ports)
    }

    /// Routes the messages of a sequence that is complete.
    fn route_group(&self, messages: Vec<Message>, cx: &NodeContext) -> Handled {
        let mut routed = Vec::with_capacity(messages.len());
        for msg in messages {
            match self.ports(&msg, cx) {
                Ok(ports) => routed.extend(ports.iter().map(|port| (port, msg.clone()))),
                Err(error) => cx.fail(error),
            }
        }
        if self.repair {
            sequence::renumber(&mut routed, self.rules.len());
        }
        Handled::SendAll(routed)
    }
}

#[async_trait]
impl Node for Switch {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        if self.needs_count && Parts::of(&msg).is_some() {
            let added = self.state().groups.add(msg);
            return match added {
                Ok(Some(complete)) => self.route_group(complete, cx),
                Ok(None) => Handled::Done,
                Err(error) => Handled::Failed(error),
            };
        }
        match self.ports(&msg, cx) {
            Err(error) => Handled::Failed(error),
            Ok(ports) => match (ports.first, ports.others.is_empty()) {
                (None, _) => Handled::Done,
                (Some(port), true) => Handled::Send(port, msg),
                _ => Handled::SendAll(ports.iter().map(|port| (port, msg.clone())).collect()),
            },
        }
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        self.state().groups = Groups::default();
    }
}

ferrowire::register!(
    NodeType::shared::<Switch>("switch")
        .summary("routes messages by rules")
        .category("function")
        .editor(Editor::NodeRed("function/10-switch"))
);

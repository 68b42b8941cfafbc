//! The node `switch`: routes messages by rules.

mod repair;
mod rule;

use std::sync::{Mutex, MutexGuard};

use ferrowire::expression::TypedValue;
use ferrowire::sequence::{
    Added, Gathered, Parts, Sequences, drop_then, send_and_complete, set_part,
};
use ferrowire::{
    Editor, FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    NodeType, Sending, StopReason, Value, async_trait,
};

use rule::{Input, Rule};

/// Node-RED's `switch`: a rule for each output.
#[derive(Debug)]
pub struct Switch {
    /// `None` stands for `undefined`.
    property: Option<TypedValue>,
    rules: Vec<Rule>,
    check_all: bool,
    /// The messages of each output are renumbered.
    repair: bool,
    /// Messages of a sequence wait until it is complete.
    needs_count: bool,
    uses_previous: bool,
    /// The property of the previous message.
    previous: Mutex<Option<Value>>,
    /// The incomplete sequences.
    waiting: Mutex<Sequences<Gathered>>,
}

/// The maximum number of messages in incomplete sequences. At the limit the oldest sequence goes to
/// catch nodes, as described in [`ferrowire::sequence`].
const MOST_HELD: usize = 65_536;

/// The outputs of a message. For the common case of one output nothing is allocated.
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
        let rules: Vec<Rule> = config.list("rules", Rule::from_config);
        let property = match config.raw("property") {
            None => None,
            Some(_) => TypedValue::from_config(config, "property", "propertyType", "msg"),
        };
        let repair = config.boolean("repair", false);
        Switch {
            property,
            check_all: config.boolean("checkall", true),
            repair,
            needs_count: repair || rules.iter().any(Rule::needs_count),
            uses_previous: rules.iter().any(Rule::uses_previous),
            rules,
            previous: Mutex::new(Some(Value::Null)),
            waiting: Mutex::new(Sequences::new(MOST_HELD)),
        }
    }
}

impl Switch {
    fn previous(&self) -> MutexGuard<'_, Option<Value>> {
        self.previous.locked()
    }

    fn waiting(&self) -> MutexGuard<'_, Sequences<Gathered>> {
        self.waiting.locked()
    }

    /// The outputs for a message.
    fn ports(&self, msg: &Message, cx: &NodeContext) -> Result<Ports, NodeError> {
        let property = match &self.property {
            Some(property) => rule::look_up(property, msg, cx)?,
            None => None,
        };
        let property = property.as_deref();
        let parts = Parts::of(msg);
        let mut kept = self.uses_previous.then(|| self.previous());
        let previous = kept.as_ref().and_then(|previous| (**previous).clone());
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
        if let Some(previous) = &mut kept {
            **previous = property.cloned();
        }
        Ok(ports)
    }

    /// Adds a message to its sequence `id`, which is routed when it is complete. As in Node-RED, a
    /// message is complete for complete nodes when the switch has accepted it, not when its
    /// sequence leaves.
    fn gather(&self, id: &str, count: Option<f64>, msg: Message, cx: &NodeContext) -> Handled {
        let accepted: Vec<_> = cx.completion_watched().then(|| msg.clone()).into_iter().collect();
        let added = self.waiting().gather(id, msg, |sequence| sequence.reaches(count));
        let Added { result, dropped } = match added {
            Ok(added) => added,
            Err(full) => return Handled::Failed(full.into()),
        };
        let sending = match result {
            Some(complete) => self.route(complete, accepted, cx),
            None => send_and_complete(cx, Vec::new(), accepted),
        };
        Handled::Kept(drop_then(cx, dropped, sending))
    }

    /// Routes the messages of a complete sequence; those whose rules fail go to catch nodes.
    fn route(&self, sequence: Gathered, accepted: Vec<Message>, cx: &NodeContext) -> Sending {
        let mut routed = Vec::with_capacity(sequence.messages.len());
        let mut failed = Vec::new();
        for mut msg in sequence.messages {
            // The count may be in the last message.
            sequence.count.into_iter().for_each(|count| set_part(&mut msg, "count", count));
            match self.ports(&msg, cx) {
                Ok(ports) => routed.extend(ports.iter().map(|port| (port, msg.clone()))),
                Err(error) => failed.push((error, msg)),
            }
        }
        if self.repair {
            repair::renumber(&mut routed, self.rules.len());
        }
        let (cx, sent) = (cx.clone(), send_and_complete(cx, routed, accepted));
        if failed.is_empty() {
            return sent;
        }
        Sending::later(Box::pin(async move {
            for (error, msg) in failed {
                cx.fail_with(error, msg).await;
            }
            sent.await;
        }))
    }
}

#[async_trait]
impl Node for Switch {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        if self.needs_count
            && let Some(parts) = Parts::of(&msg)
        {
            let (id, count) = (parts.id().into_owned(), parts.count());
            return self.gather(&id, count, msg, cx);
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
        self.waiting().take_all();
    }
}

ferrowire::register!(
    NodeType::shared::<Switch>("switch")
        .summary("routes messages by rules")
        .category("function")
        .editor(Editor::NodeRed("function/10-switch"))
);

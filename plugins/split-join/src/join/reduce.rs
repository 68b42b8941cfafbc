//! `Reduce`: a sequence of messages becomes one by an expression that is given each in turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrowire::expression::{Jsonata, TypedValue};
use ferrowire::{
    Handled, Message, NodeConfig, NodeContext, NodeError, Sending, Sequence, Sequences, Value,
    javascript, made_room,
};

use super::MOST_HELD;

#[derive(Debug)]
pub(crate) struct Reduce {
    initial: TypedValue,
    /// With `$A`, what the messages before gave, `$I` and `$N`.
    expression: Option<Jsonata>,
    /// What becomes of the last result.
    fix_up: Option<Jsonata>,
    from_the_right: bool,
    waiting: Mutex<Sequences<Group>>,
}

#[derive(Debug, Default)]
struct Group {
    messages: Vec<Message>,
    count: Option<f64>,
}

impl Sequence for Group {
    fn held(&self) -> usize {
        self.messages.len()
    }
}

impl Reduce {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let expression = compile(config, "reduceExp");
        let fix_up = config.raw("reduceFixup").is_some_and(Value::is_truthy);
        Reduce {
            initial: TypedValue::from_config(config, "reduceInit", "reduceInitType", "str")
                .unwrap_or(TypedValue::Constant(Value::Null)),
            expression,
            fix_up: fix_up.then(|| compile(config, "reduceFixup")).flatten(),
            from_the_right: config.boolean("reduceRight", false),
            waiting: Mutex::new(Sequences::new(MOST_HELD)),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Sequences<Group>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn on_message_now(self: &Arc<Self>, msg: Message, cx: &NodeContext) -> Handled {
        let oldest = self.waiting().make_room();
        let Some(oldest) = oldest else { return self.handle(msg, cx) };
        let (this, held) = (Arc::clone(self), oldest.held());
        let handle = move |msg, cx: &NodeContext| this.handle(msg, cx);
        cx.drop_before(oldest.messages, move || made_room(held), msg, handle)
    }

    /// Ends all sequences, whose messages are complete then.
    pub(crate) async fn stop(&self, cx: &NodeContext) {
        let groups = self.waiting().take_all();
        let kept = groups.into_iter().flat_map(|group| group.messages).collect();
        cx.send_all(Vec::new(), kept).await;
    }

    fn handle(&self, msg: Message, cx: &NodeContext) -> Handled {
        let Some(parts) = msg.get("parts") else { return Handled::Send(0, msg) };
        let id = javascript::text(parts.get("id"));
        let count = parts.get("count").and_then(Value::as_f64);
        let mut waiting = self.waiting();
        let is_complete = waiting.change(&id, Group::default, |group| {
            group.messages.push(msg);
            group.count = group.count.or(count);
            group.count == Some(group.messages.len() as f64)
        });
        let complete = if is_complete { waiting.remove(&id) } else { None };
        drop(waiting);
        let Some(Group { messages, count }) = complete else {
            return Handled::Kept(Sending::done());
        };
        let last = messages.last().cloned().unwrap_or_default();
        let kept = if cx.completion_watched() { messages.clone() } else { Vec::new() };
        match self.reduce(messages, count.unwrap_or_default(), cx) {
            Ok(msg) => Handled::Kept(cx.send_all(vec![(0, msg)], kept)),
            Err(error) => Handled::Kept(fail(error, last, kept, cx)),
        }
    }

    fn reduce(
        &self,
        mut messages: Vec<Message>,
        count: f64,
        cx: &NodeContext,
    ) -> Result<Message, NodeError> {
        let index = |msg: &Message| {
            javascript::number(msg.get("parts").and_then(|parts| parts.get("index")))
        };
        messages.sort_by(|a, b| {
            let order = index(a).total_cmp(&index(b));
            if self.from_the_right { order.reverse() } else { order }
        });
        let or_null = |value: &Option<Value>| value.clone().unwrap_or_default();
        let mut result = self.initial.evaluate(&Message::new(), cx)?;
        for msg in &messages {
            let bindings = [("I", index(msg).into()), ("N", count.into()), ("A", or_null(&result))];
            let bindings = if result.is_some() { &bindings[..] } else { &bindings[..2] };
            let expression = self.expression.as_ref().ok_or("there is no expression")?;
            result = expression.evaluate_with(msg, bindings, cx)?;
        }
        if let Some(fix_up) = &self.fix_up {
            let bindings = [("N", count.into()), ("A", or_null(&result))];
            let bindings = if result.is_some() { &bindings[..] } else { &bindings[..1] };
            result = fix_up.evaluate_with(&Message::new(), bindings, cx)?;
        }
        let mut msg = messages.pop().unwrap_or_default();
        match result {
            Some(value) => drop(msg.set("payload", value)),
            None => drop(msg.remove("payload")),
        }
        Ok(msg)
    }
}

/// The last message fails; those before it, which are no worse, are complete.
fn fail(error: NodeError, last: Message, mut kept: Vec<Message>, cx: &NodeContext) -> Sending {
    kept.pop();
    let (complete, failed) = (cx.send_all(Vec::new(), kept), cx.fail_with(error, last));
    Sending::later(Box::pin(async move {
        complete.await;
        failed.await;
    }))
}

fn compile(config: &mut NodeConfig<'_>, name: &str) -> Option<Jsonata> {
    let compiled = Jsonata::compile(&config.text(name));
    compiled.map_err(|error| config.problem(name, error.to_string())).ok()
}

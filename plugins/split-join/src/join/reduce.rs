//! `Reduce`: an expression, applied to each message of a sequence in turn, makes one message of it.

use std::sync::{Mutex, MutexGuard};

use ferrowire::expression::javascript;
use ferrowire::expression::{Jsonata, TypedValue};
use ferrowire::sequence::{Added, Gathered, Sequences, drop_then, fail_last, send_and_complete};
use ferrowire::{
    Handled, Message, MutexExt as _, NodeConfig, NodeContext, NodeError, Sending, Value,
};

use super::MOST_HELD;

#[derive(Debug)]
pub(crate) struct Reduce {
    initial: TypedValue,
    /// Gets `$A`, the result so far, `$I`, the index, and `$N`, the count.
    expression: Option<Jsonata>,
    /// Applied to the last result.
    fix_up: Option<Jsonata>,
    from_the_right: bool,
    waiting: Mutex<Sequences<Gathered>>,
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

    fn waiting(&self) -> MutexGuard<'_, Sequences<Gathered>> {
        self.waiting.locked()
    }

    /// Completes the messages of all sequences, which end with the node.
    pub(crate) async fn stop(&self, cx: &NodeContext) {
        let sequences = self.waiting().take_all();
        let kept = sequences.into_iter().flat_map(|sequence| sequence.messages).collect();
        send_and_complete(cx, Vec::new(), kept).await;
    }

    pub(crate) fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let Some(parts) = msg.get("parts") else { return Handled::Send(0, msg) };
        let id = javascript::text(parts.get("id"));
        let count = parts.get("count").and_then(Value::as_f64);
        let added = self.waiting().gather(&id, msg, |sequence| {
            // As in Node-RED, the first count that a message states is the one that counts.
            sequence.count = sequence.count.or(count);
            sequence.count == Some(sequence.messages.len() as f64)
        });
        match added {
            Ok(Added { result, dropped }) => {
                let sending = result.map_or(Sending::done(), |complete| self.send(complete, cx));
                Handled::Kept(drop_then(cx, dropped, sending))
            }
            Err(full) => Handled::Failed(full.into()),
        }
    }

    fn send(&self, sequence: Gathered, cx: &NodeContext) -> Sending {
        let kept = sequence.to_report(cx);
        match self.reduce(sequence.messages, sequence.count.unwrap_or_default(), cx) {
            Ok(msg) => send_and_complete(cx, vec![(0, msg)], kept),
            Err(error) => fail_last(cx, error, kept),
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
            let expression = self.expression.as_ref().ok_or("the expression is missing")?;
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

fn compile(config: &mut NodeConfig<'_>, name: &str) -> Option<Jsonata> {
    let compiled = Jsonata::compile(&config.text(name));
    compiled.map_err(|error| config.problem(name, error.to_string())).ok()
}

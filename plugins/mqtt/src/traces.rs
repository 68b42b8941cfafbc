//! The user properties `traceparent` and `tracestate` of MQTT 5, by which messages of several systems belong to
//! one trace.

use ferrowire::trace::{Carrier, Remote, SpanKind};
use ferrowire::{Message, NodeContext, Value};

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// Begins the trace of a received message, as part of that of its sender if it names one.
pub(crate) fn take(msg: &mut Message, cx: &NodeContext) {
    let remote = if cx.traces_over(Carrier::Mqtt) { remote(msg) } else { None };
    cx.begin_trace(msg, remote);
    if let Some(trace) = msg.trace() {
        trace.set_kind(SpanKind::Consumer);
    }
}

fn remote(msg: &Message) -> Option<Remote> {
    let properties = msg.get("userProperties")?.as_object()?;
    let text = |name: &str| properties.get(name)?.as_str();
    Remote::of_headers(text(PARENT), text(STATE))
}

/// Adds the trace of a message to its user properties. What is not published as MQTT 5 has none.
pub(crate) fn pass_on(msg: &mut Message, cx: &NodeContext) {
    let Some(trace) = msg.trace().cloned() else { return };
    trace.set_kind(SpanKind::Producer);
    if !cx.traces_over(Carrier::Mqtt) {
        return;
    }
    let given = msg.get("userProperties").and_then(Value::as_object);
    let mut properties = given.cloned().unwrap_or_default();
    // They may be those of the message that this one was made of.
    properties.insert(PARENT, trace.traceparent());
    match trace.tracestate() {
        Some(state) => _ = properties.insert(STATE, state),
        None => _ = properties.remove(STATE),
    }
    msg.set("userProperties", properties);
}

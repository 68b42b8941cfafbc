//! JSONata: an expression is compiled and evaluated within its limits, twice with the same result.
//!
//! The input is an expression, and after a zero byte a message as JSON.
#![no_main]

use ferrowire_core::{Message, Value};
use ferrowire_expression::Jsonata;
use ferrowire_fuzz::{block_on, two_texts};
use ferrowire_testkit::idle_node;
use libfuzzer_sys::fuzz_target;

/// Functions with another result at each call.
const CHANGING: [&str; 6] = ["random", "shuffle", "now", "millis", "moment", "eval"];

fuzz_target!(|data: &[u8]| {
    let Some((source, json)) = two_texts(data) else { return };
    let Ok(expression) = Jsonata::compile(source) else { return };
    let msg = match Value::from_json_text(json) {
        Ok(Value::Object(map)) => Message::from(map.as_ref().clone()),
        Ok(other) => Message::with_payload(other),
        Err(_) => Message::with_payload(json),
    };
    let node = block_on(async { idle_node("flow", &[("NAME", "value".into())]) });
    let evaluate = || expression.evaluate(&msg, node.context());
    let Ok(first) = evaluate() else { return };
    if CHANGING.iter().all(|name| !source.contains(name)) {
        // As text, since `NaN` is not equal to itself.
        let second = evaluate().expect("it could be evaluated before");
        assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
});

//! YAML: what is written reads as a value that is written alike.
//!
//! The input is a text.
#![no_main]

use ferrowire_core::{Message, Value};
use ferrowire_fuzz::convert;
use ferrowire_plugin_yaml as _;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let run = |payload: Value| convert("yaml", &json!({}), Message::with_payload(payload));
    let Ok(read) = run(text.into()) else { return };
    let Some(Value::Array(_) | Value::Object(_)) = read.first() else { return };
    // A date may be none.
    let Ok(written) = run(read[0].clone()) else { return };
    let again = run(written[0].clone()).expect("what was written is read");
    assert_eq!(run(again[0].clone()), Ok(written));
});

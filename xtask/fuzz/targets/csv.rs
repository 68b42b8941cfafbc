//! CSV: what RFC 4180 mode writes reads as what it was; the legacy mode reads anything.
//!
//! The input is a text.
#![no_main]

use ferrowire_core::{Message, Value};
use ferrowire_fuzz::convert;
use ferrowire_plugin_csv as _;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let legacy = json!({"multi": "mult", "hdrin": true, "include_null_values": true,
        "include_empty_strings": true});
    drop(convert("csv", &legacy, Message::with_payload(text)));
    let config = json!({"spec": "rfc", "multi": "mult", "temp": "a,b,c", "strings": false});
    let read = |text: Value| convert("csv", &config, Message::with_payload(text));
    let rows = read(text.into()).expect("text is read");
    let written = read(rows[0].clone()).expect("rows are written");
    if rows[0].as_array().is_some_and(|rows| !rows.is_empty()) {
        assert_eq!(read(written[0].clone()), Ok(rows), "{:?}", written[0]);
    }
});

//! Mustache templates: text without tags stays as it is, and a value in a template that makes JSON
//! can be read back.
//!
//! The input is a template, and after a zero byte a message as JSON or else its payload.
#![no_main]

use ferrowire_core::{Message, Value};
use ferrowire_expression::mustache::{Filling, Template};
use ferrowire_fuzz::two_texts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((text, rest)) = two_texts(data) else { return };
    let msg = match Value::from_json_text(rest) {
        Ok(Value::Object(map)) => Message::from(map.as_ref().clone()),
        _ => Message::with_payload(rest),
    };
    let plain = Filling { escape_strings: false, missing: &|_| None };
    if let Ok(template) = Template::parse(text) {
        let names = template.names().len();
        let rendered = template.render(&msg, &plain);
        if names == 0 && !text.contains("{{") {
            assert_eq!(rendered.as_deref(), Ok(text));
        }
    }
    let json = Template::parse(r#"{"text":"{{{payload}}}"}"#).expect("a valid template");
    let escaping = Filling { escape_strings: true, missing: &|_| None };
    let Some(Value::String(payload)) = msg.payload() else { return };
    // As in Node-RED, quotes and control characters without a letter of their own are not escaped.
    let is_escaped = |c: char| c >= ' ' || "\u{8}\t\n\u{c}\r".contains(c);
    if payload.chars().all(|c| c != '"' && is_escaped(c)) {
        let rendered = json.render(&msg, &escaping).expect("it is short");
        let read = Value::from_json_text(&rendered).expect("valid JSON");
        assert_eq!(read.get("text").and_then(Value::as_str), Some(payload.as_str()));
    }
});

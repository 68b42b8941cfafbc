//! XML: what is written reads as what it was; the lenient mode reads nearly anything.
//!
//! The input is a text.
#![no_main]

use ferrowire_core::{Message, Value};
use ferrowire_fuzz::convert;
use ferrowire_plugin_xml as _;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lenient = Message::with_payload(text);
    lenient.set("options", Value::from(json!({"strict": false, "xmlns": true})));
    drop(convert("xml", &json!({}), lenient));
    // The text of an element has a name that no element can have.
    let config = json!({"chr": "#"});
    let Ok(read) = convert("xml", &config, Message::with_payload(text)) else { return };
    let Some(Value::Object(_)) = read.first() else { return };
    let mut msg = Message::with_payload(read[0].clone());
    let options = json!({"charkey": "#", "renderOpts": {"pretty": false}});
    msg.set("options", Value::from(options));
    // A text may have characters that XML has not.
    let Ok(written) = convert("xml", &config, msg) else { return };
    let again = convert("xml", &config, Message::with_payload(written[0].clone()));
    assert_eq!(again, Ok(read), "{:?}", written[0]);
});

//! Property paths: what was set is read and removed.
//!
//! The input is a path, and after a zero byte a message as JSON.
#![no_main]

use ferrowire_core::{Message, PropertyPath, Value};
use ferrowire_fuzz::two_texts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((text, json)) = two_texts(data) else { return };
    let Ok(path) = PropertyPath::parse(text) else { return };
    assert_eq!(PropertyPath::parse(text).as_ref(), Ok(&path));
    let mut msg = match Value::from_json_text(json) {
        Ok(Value::Object(map)) => Message::from(map.as_ref().clone()),
        _ => Message::with_payload(json),
    };
    if let Some(value) = path.get(&msg) {
        assert_eq!(path.read(&msg), Ok(Some(value.clone())), "both ways to read agree");
    } else {
        let _computed = path.read(&msg);
    }
    // A name may be the value of another property, which setting a value may change.
    let Some(path) = path.resolve(&msg) else { return };
    let value = Value::from("set");
    if path.set(&mut msg, value.clone()).is_err() {
        return;
    }
    if let Some(found) = path.get(&msg) {
        assert_eq!(*found, value);
        assert_eq!(path.remove(&mut msg), Some(value), "what was set is removed");
    } else {
        // A byte of a buffer is set by its number, and read only as a computed property.
        assert!(path.read(&msg).is_ok());
    }
});

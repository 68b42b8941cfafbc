//! JSON: our parser agrees with serde_json, and what is printed reads as what it was.
#![no_main]

use ferrowire_core::Value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let read = Value::from_json(data);
    let Ok(text) = std::str::from_utf8(data) else {
        assert!(read.is_err(), "text that is not UTF-8 was accepted");
        return;
    };
    match (&read, serde_json::from_str::<Value>(text)) {
        (Ok(value), Ok(expected)) => {
            assert_eq!(*value, expected);
            assert_eq!(value.to_json(), expected.to_json(), "the order of names differs");
        }
        // As in JavaScript: numbers that are too large, and lone surrogates.
        (Ok(value), Err(_)) => assert!(text.contains("\\u") || has_infinity(value)),
        (Err(error), Ok(_)) => panic!("valid JSON was refused: {error}"),
        (Err(_), Err(_)) => {}
    }
    if let Ok(value) = read {
        let printed = value.to_json();
        let again = Value::from_json_text(&printed).expect("printed JSON is valid");
        assert_eq!(again.to_json(), printed);
        if !has_infinity(&value) {
            assert_eq!(again, value);
        }
    }
});

fn has_infinity(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_infinite(),
        Value::Array(items) => items.iter().any(has_infinity),
        Value::Object(map) => map.iter().map(|(_, value)| value).any(has_infinity),
        _ => false,
    }
}

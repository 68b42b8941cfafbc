//! Values of settings: numbers stay within their bounds, and a number that was read is read as the
//! same one again.
#![no_main]

use ferrowire_core::{SettingKind, SettingRegistry, SettingValue};
use ferrowire_plugin_websocket_endpoints as _;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SETTINGS: LazyLock<SettingRegistry> = LazyLock::new(|| {
    let mut settings = SettingRegistry::new();
    settings.add_linked().expect("valid settings");
    settings
});

fuzz_target!(|text: &str| {
    for record in SETTINGS.iter() {
        let Ok(value) = record.parse(text) else { continue };
        assert!(record.has_variable(), "a table has no value");
        match (record.kind, value) {
            (SettingKind::Integer | SettingKind::Bytes, SettingValue::Number(number)) => {
                let again = record.parse(&number.to_string());
                assert_eq!(again, Ok(SettingValue::Number(number)), "{}", record.name);
            }
            (SettingKind::Seconds, SettingValue::Number(nanos)) => {
                let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                let again = record.parse(&format!("{seconds}.{rest:09}"));
                assert_eq!(again, Ok(SettingValue::Number(nanos)), "{}", record.name);
            }
            (SettingKind::Choice, SettingValue::Text(text)) => {
                assert!(record.choices.contains(&text.as_str()));
            }
            _ => {}
        }
    }
});

//! Values of settings across the border.

use ferrowire_core::{Map, SettingValue, Value};

/// The value as one that crosses.
pub fn into_value(value: SettingValue) -> Value {
    match value {
        // As digits: a double does not hold every number.
        SettingValue::Number(number) => vec![Value::from(number.to_string())].into(),
        SettingValue::Text(text) => text.into(),
        SettingValue::List(list) => {
            let list: Vec<Value> = list.into_iter().map(Value::from).collect();
            Map::from_iter([("list", Value::from(list))]).into()
        }
    }
}

/// The value that [`into_value`] made one of; `None` for anything else.
pub fn from_value(value: &Value) -> Option<SettingValue> {
    Some(match value {
        Value::Array(number) => SettingValue::Number(number.first()?.as_str()?.parse().ok()?),
        Value::String(text) => SettingValue::Text(text.as_str().to_owned()),
        other => {
            let list = other.get("list")?.as_array()?.iter();
            SettingValue::List(list.filter_map(Value::as_str).map(str::to_owned).collect())
        }
    })
}

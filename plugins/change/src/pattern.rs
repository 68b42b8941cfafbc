//! `Pattern`: what a change rule looks for, and what it makes of a value.

use ferrowire_core::{Value, number_to_string};
use regex::Regex;

use crate::replace;

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// A text, wherever it stands in another one.
    Text(String),
    /// A regular expression, wherever it matches in a text.
    RegExp(Regex),
    /// A number or boolean, which must be the whole value; `text` is looked for in texts.
    Exactly { value: Value, text: Option<String> },
}

impl Pattern {
    /// What `current` becomes when what is sought in it gives way to `to`. `None`: it stays;
    /// `Some(None)`: it becomes undefined.
    pub(crate) fn change(
        &self,
        current: &Value,
        to: Option<Value>,
        to_boolean: bool,
    ) -> Option<Option<Value>> {
        match (current, self) {
            (Value::String(text), Pattern::RegExp(regexp)) => {
                let to_text = javascript_text(to.as_ref());
                let changed = replace::regexp(text, regexp, &to_text)?;
                Some(typed(changed, &to_text, to, to_boolean))
            }
            (
                Value::String(text),
                Pattern::Text(sought) | Pattern::Exactly { text: Some(sought), .. },
            ) => {
                if text == sought.as_str() {
                    return Some(to);
                }
                let to_text = javascript_text(to.as_ref());
                let changed = replace::text(text, sought, &to_text)?;
                Some(typed(changed, &to_text, to, to_boolean))
            }
            (Value::Number(_) | Value::Bool(_), Pattern::Exactly { value, .. }) => {
                (current == value).then_some(to)
            }
            _ => None,
        }
    }
}

/// A replacement that leaves nothing but `true` or `false`, where a boolean was asked for,
/// becomes one.
fn typed(changed: String, to_text: &str, to: Option<Value>, to_boolean: bool) -> Option<Value> {
    if to_boolean && changed == to_text { to } else { Some(changed.into()) }
}

/// `String(value)`, which is what JavaScript inserts into a text.
fn javascript_text(value: Option<&Value>) -> String {
    match value {
        None => "undefined".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(number)) => number_to_string(*number),
        Some(Value::String(text)) => text.as_str().to_owned(),
        Some(Value::Buffer(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Value::Array(items)) => {
            let item = |item: &Value| match item {
                Value::Null => String::new(),
                other => javascript_text(Some(other)),
            };
            items.iter().map(item).collect::<Vec<_>>().join(",")
        }
        Some(Value::Object(_)) => "[object Object]".to_owned(),
    }
}

//! `Pattern`: what a change rule looks for, and what it makes of a value.

use ferrowire_core::{Value, javascript};
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
                let to_text = javascript::text(to.as_ref());
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
                let to_text = javascript::text(to.as_ref());
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

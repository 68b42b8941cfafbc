//! `Pattern`: what a change rule looks for, and how it changes a value.

use ferrowire::expression::javascript;
use ferrowire::expression::regexp::RegExp;
use ferrowire::{NodeError, Value};

use crate::replace;

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// A string, at any place in another one.
    Text(String),
    /// A regular expression, at any place in a string.
    RegExp(RegExp),
    /// A number or boolean, which must be the whole value; in strings, `text` is looked for.
    Exactly { value: Value, text: Option<String> },
}

impl Pattern {
    /// The value of `current` after each match was replaced by `to`. `None`: it stays as it is;
    /// `Some(None)`: it becomes `undefined`.
    ///
    /// # Errors
    /// When a regular expression takes too many steps, or the string becomes too long.
    pub(crate) fn change(
        &self,
        current: &Value,
        to: Option<Value>,
        to_boolean: bool,
    ) -> Result<Option<Option<Value>>, NodeError> {
        Ok(match (current, self) {
            (Value::String(text), Pattern::RegExp(regexp)) => {
                let to_text = javascript::text(to.as_ref());
                let changed = replace::regexp(text, regexp, &to_text)?;
                typed(text, changed, &to_text, to, to_boolean)
            }
            (
                Value::String(text),
                Pattern::Text(sought) | Pattern::Exactly { text: Some(sought), .. },
            ) => {
                if text == sought.as_str() {
                    return Ok(Some(to));
                }
                let to_text = javascript::text(to.as_ref());
                let changed = replace::text(text, sought, &to_text)?;
                typed(text, changed, &to_text, to, to_boolean)
            }
            (Value::Number(_) | Value::Bool(_), Pattern::Exactly { value, .. }) => {
                (current == value).then_some(to)
            }
            _ => None,
        })
    }
}

/// The value of `text` after it became `changed`. As in Node-RED, a replacement by a boolean gives
/// a boolean when it makes up the whole string, even if the string was the same before.
fn typed(
    text: &str,
    changed: Option<String>,
    to_text: &str,
    to: Option<Value>,
    to_boolean: bool,
) -> Option<Option<Value>> {
    if to_boolean && changed.as_deref().unwrap_or(text) == to_text {
        return Some(to);
    }
    changed.map(|changed| Some(changed.into()))
}

//! `Style`: how the text is laid out.

use ferrowire::expression::javascript;
use ferrowire::{Map, Value};

pub(super) struct Style {
    pub(super) is_pretty: bool,
    pub(super) indent: String,
    pub(super) line_break: String,
    /// Further levels of indentation.
    pub(super) offset: usize,
    /// An element without content has two tags.
    pub(super) allows_empty: bool,
    /// An element with text is not laid out.
    pub(super) keeps_text: bool,
    pub(super) before_slash: String,
}

/// The maximum number of levels and of characters for each, since their product is repeated.
const WIDEST: usize = 64;

impl Style {
    /// The style that the options name.
    pub(super) fn new(options: &Map, has_options: bool) -> Self {
        let given = options.get_own("renderOpts");
        let is_default = given.is_none();
        let given = given.and_then(Value::as_object).cloned().unwrap_or_default();
        let flag = |name: &str| given.get(name).is_some_and(Value::is_truthy);
        let text = |name: &str, default: &str| {
            let value = given.get(name).filter(|value| !matches!(value, Value::Null));
            let text = value.map_or_else(|| default.to_owned(), |v| javascript::text(Some(v)));
            text.chars().take(WIDEST).collect()
        };
        let before_slash = match given.get("spaceBeforeSlash") {
            Some(Value::Bool(false)) => String::new(),
            Some(Value::Bool(true)) => " ".to_owned(),
            _ => text("spaceBeforeSlash", ""),
        };
        let offset = given.get("offset").and_then(Value::as_f64).unwrap_or(0.0);
        Style {
            is_pretty: if is_default { has_options } else { flag("pretty") },
            indent: text("indent", "  "),
            line_break: text("newline", "\n"),
            offset: offset.clamp(0.0, WIDEST as f64) as usize,
            allows_empty: flag("allowEmpty"),
            keeps_text: flag("dontPrettyTextNodes") || flag("dontprettytextnodes"),
            before_slash,
        }
    }
}

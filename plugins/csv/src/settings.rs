//! `Settings`: the properties of the dialog.

use ferrowire::NodeConfig;
use ferrowire::expression::javascript;

#[derive(Debug)]
pub(crate) struct Settings {
    /// RFC 4180 instead of the legacy mode.
    pub(crate) is_rfc: bool,
    /// The names of the columns, separated by commas; empty if they are not known.
    pub(crate) columns: String,
    pub(crate) separator: String,
    pub(crate) line_break: String,
    pub(crate) names: SentNames,
    /// The first line of a text has the names of the columns.
    pub(crate) first_line_has_names: bool,
    /// All rows become one message.
    pub(crate) makes_array: bool,
    /// How many lines are skipped.
    pub(crate) skip: f64,
    pub(crate) parses_numbers: bool,
    pub(crate) keeps_empty: bool,
    pub(crate) keeps_null: bool,
}

/// When a text begins with the names of the columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SentNames {
    Never,
    Always,
    /// Until a message with `reset`.
    Once,
}

impl Settings {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let is_rfc = config.text("spec") == "rfc";
        let line_break = config.text_or("ret", if is_rfc { "\r\n" } else { "\n" });
        Settings {
            is_rfc,
            columns: config.text("temp"),
            separator: unescape(&config.text_or("sep", ",")).replace("\\t", "\t"),
            line_break: unescape(&line_break),
            names: sent_names(config),
            first_line_has_names: config.boolean("hdrin", false),
            makes_array: config.text_or("multi", "one") != "one",
            skip: config.number_in("skip", 0.0..=f64::MAX).unwrap_or(0.0).trunc(),
            parses_numbers: config.boolean("strings", true),
            keeps_empty: config.boolean("include_empty_strings", false),
            keeps_null: config.boolean("include_null_values", false),
        }
    }
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\r", "\r")
}

/// Old flows have a boolean.
fn sent_names(config: &NodeConfig<'_>) -> SentNames {
    match javascript::text(config.raw("hdrout")).as_str() {
        "all" | "true" => SentNames::Always,
        "once" => SentNames::Once,
        _ => SentNames::Never,
    }
}

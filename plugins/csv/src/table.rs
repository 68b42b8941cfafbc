//! `Table`: what a text becomes.

use ferrowire::Map;

pub(crate) struct Table {
    pub(crate) rows: Vec<Map>,
    /// The names of the columns, for `msg.columns`.
    pub(crate) columns: String,
    /// How many characters in the text end a line.
    pub(crate) breaks: usize,
    /// The text ends within quotes.
    pub(crate) is_malformed: bool,
}

/// The line ends, of which `\r\n` counts as two.
pub(crate) fn breaks(text: &str) -> usize {
    text.bytes().filter(|byte| matches!(byte, b'\r' | b'\n')).count()
}

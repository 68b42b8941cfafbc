//! `Lines`: the text that is written, cell by cell.

use ferrowire::NodeError;

use crate::settings::Settings;

/// The maximum length of a text, in bytes.
const LONGEST: usize = ferrowire::MAX_JSON;

/// A text of lines. The last one may be incomplete.
pub(crate) struct Lines<'a> {
    text: String,
    separator: &'a str,
    line_break: &'a str,
    /// The last line has a cell.
    has_cell: bool,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        let Settings { separator, line_break, .. } = settings;
        Lines { text: String::new(), separator, line_break, has_cell: false }
    }

    /// Adds a cell to the last line. `cell` has its quotes already.
    pub(crate) fn add(&mut self, cell: &str) {
        if self.has_cell {
            self.text.push_str(self.separator);
        }
        self.text.push_str(cell);
        self.has_cell = true;
    }

    /// Ends the last line, which may have no cells.
    ///
    /// # Errors
    /// If the text is too long.
    pub(crate) fn end_line(&mut self) -> Result<(), NodeError> {
        self.text.push_str(self.line_break);
        self.has_cell = false;
        if self.text.len() > LONGEST {
            let text = format!("the CSV text is longer than {} MiB", LONGEST >> 20);
            return Err(NodeError::new(text));
        }
        Ok(())
    }

    /// Takes the text, which has a line at least.
    pub(crate) fn take(&mut self) -> String {
        if self.text.is_empty() {
            self.text.push_str(self.line_break);
        }
        std::mem::take(&mut self.text)
    }
}

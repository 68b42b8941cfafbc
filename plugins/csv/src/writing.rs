//! `Writing`: a list that becomes text, in either mode.

use ferrowire::expression::javascript;
use ferrowire::{Key, Message, NodeContext, NodeError, Value};

use crate::columns::Columns;
use crate::deliver::Part;
use crate::object::{is_object, keys, property};
use crate::settings::{SentNames, Settings};

/// The maximum length of a text, in bytes.
const LONGEST: usize = ferrowire::MAX_JSON;

/// What is kept between messages.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The names of the columns, from the dialog or the last message that had some.
    pub(crate) columns: Columns,
    pub(crate) names_sent: bool,
    /// The warning of missing columns was shown.
    pub(crate) warned: bool,
}

/// How a mode reads and writes names.
pub(crate) struct Style {
    pub(crate) columns: fn(&str, &str) -> Result<Columns, NodeError>,
    /// Quotes a name or a cell that needs it because of this separator.
    pub(crate) quoted: fn(&str, &str) -> String,
}

pub(crate) struct Writing<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) state: &'a mut State,
    pub(crate) text: String,
    cx: &'a NodeContext,
    /// `msg.columns`.
    listed: Option<String>,
    /// The message continues a sequence.
    continues: bool,
}

impl<'a> Writing<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        state: &'a mut State,
        msg: &Message,
        cx: &'a NodeContext,
    ) -> Self {
        let listed = msg.get("columns").map(|columns| match columns.is_truthy() {
            true => javascript::text(Some(columns)),
            false => String::new(),
        });
        let continues = Part::of(msg).is_some_and(|part| part.index > 0.0);
        Writing { settings, state, text: String::new(), cx, listed, continues }
    }

    /// Finds the names of the columns, and writes them if the text begins with them.
    pub(crate) fn begin(&mut self, first: Option<&Value>, style: &Style) -> Result<(), NodeError> {
        let settings = self.settings;
        let given = (style.columns)(&settings.columns, ",")?;
        if given.are_known() || !self.continues {
            self.state.columns = given;
        }
        if settings.names == SentNames::Never || self.state.names_sent {
            return Ok(());
        }
        self.find_columns(style)?;
        if !self.state.columns.are_known() && self.listed.is_none() {
            self.state.columns = Columns(keys(first)?);
        }
        let names = self.state.columns.0.iter();
        let names: Vec<_> = names.map(|name| (style.quoted)(name, &settings.separator)).collect();
        self.add_line(&names)?;
        self.state.names_sent = settings.names == SentNames::Once;
        Ok(())
    }

    /// Takes the names from `msg.columns` if none are known.
    pub(crate) fn find_columns(&mut self, style: &Style) -> Result<(), NodeError> {
        if let Some(listed) = self.listed.as_ref().filter(|_| !self.state.columns.are_known()) {
            self.state.columns = (style.columns)(listed, ",")?;
        }
        Ok(())
    }

    /// Warns once that the names of the columns are those of the first object.
    pub(crate) fn warn_of_missing_columns(&mut self) {
        if !self.state.warned {
            self.cx.warn("No columns template specified for object -> CSV.");
            self.state.warned = true;
        }
    }

    /// # Errors
    /// If the text is too long.
    pub(crate) fn add_line(&mut self, cells: &[String]) -> Result<(), NodeError> {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.text.push_str(&self.settings.separator);
            }
            self.text.push_str(cell);
        }
        self.text.push_str(&self.settings.line_break);
        if self.text.len() > LONGEST {
            let text = format!("the CSV text is longer than {} MiB", LONGEST >> 20);
            return Err(NodeError::new(text));
        }
        Ok(())
    }

    /// The text, which has a line at least.
    pub(crate) fn end(&mut self) -> String {
        if self.text.is_empty() {
            self.text.push_str(&self.settings.line_break);
        }
        std::mem::take(&mut self.text)
    }
}

/// The cells of a row that are no objects, with their names: those of the first row.
///
/// # Errors
/// If the row is `null`.
pub(crate) fn own_cells(
    row: &Value,
    first: Option<&Value>,
) -> Result<Vec<(Key, String)>, NodeError> {
    let mut cells = Vec::new();
    for name in keys(first).unwrap_or_default() {
        let value = property(row, &name)?;
        let has = value.is_some() || row.as_object().is_some_and(|map| map.contains_key(&name));
        if has && !value.as_ref().is_some_and(is_object) {
            cells.push((name, value.map(|v| javascript::text(Some(&v))).unwrap_or_default()));
        }
    }
    Ok(cells)
}

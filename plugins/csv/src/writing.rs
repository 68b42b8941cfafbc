//! `Writing`: a list that becomes text, in either mode.

use std::borrow::Cow;

use ferrowire::expression::javascript;
use ferrowire::{Key, Message, NodeContext, NodeError, Value};

use crate::columns::Columns;
use crate::deliver::Part;
use crate::lines::Lines;
use crate::object::{is_object, keys, property};
use crate::settings::{SentNames, Settings};

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
    pub(crate) quoted: for<'a> fn(&'a str, &str) -> Cow<'a, str>,
}

pub(crate) struct Writing<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) state: &'a mut State,
    pub(crate) lines: Lines<'a>,
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
        Writing { settings, state, lines: Lines::new(settings), cx, listed, continues }
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
        for name in &self.state.columns.0 {
            self.lines.add(&(style.quoted)(name, &settings.separator));
        }
        self.lines.end_line()?;
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
        if has && !value.as_deref().is_some_and(is_object) {
            cells.push((name, value.map(|v| javascript::text(Some(&v))).unwrap_or_default()));
        }
    }
    Ok(cells)
}

//! `Columns`: the names of the columns.

use ferrowire::{Key, NodeError};

/// The maximum number of columns of a text. A longer line fails its message, since each cell takes
/// more memory than its text.
pub(crate) const MOST_COLUMNS: usize = 65_536;

/// The names in order; a column with an empty name is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Columns(pub(crate) Vec<Key>);

impl Columns {
    /// Whether any names are known.
    pub(crate) fn are_known(&self) -> bool {
        !matches!(&self.0[..], [] | [_]) || self.0.first().is_some_and(|name| !name.is_empty())
    }

    /// Gives the column number `at` the name that a column without one has.
    pub(crate) fn name_by_number(&mut self, at: usize) {
        let name = Key::from(format!("col{}", at + 1));
        match self.0.get_mut(at) {
            Some(place) => *place = name,
            None => self.0.push(name),
        }
    }

    /// The names for `msg.columns`; `quoted` quotes a name that needs it.
    pub(crate) fn listed(&self, quoted: impl Fn(&str) -> String) -> String {
        let names = self.0.iter().filter(|name| !name.is_empty());
        names.map(|name| quoted(name)).collect::<Vec<_>>().join(",")
    }
}

pub(crate) fn too_many() -> NodeError {
    NodeError::new(format!("the CSV has a line with more than {MOST_COLUMNS} columns"))
}

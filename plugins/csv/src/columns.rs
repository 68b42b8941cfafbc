//! `Columns`: the names of the columns.

use std::borrow::Cow;

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
    pub(crate) fn listed(&self, quoted: impl for<'a> Fn(&'a str) -> Cow<'a, str>) -> String {
        let names = self.0.iter().filter(|name| !name.is_empty());
        names.map(|name| quoted(name)).collect::<Vec<_>>().join(",")
    }
}

/// The maximum number of cells of a text.
pub(crate) const MOST_CELLS: usize = 1 << 24;

/// Counts the cells of a text.
#[derive(Debug, Default)]
pub(crate) struct Count(usize);

impl Count {
    /// Adds a cell, the number `column` of its line, counted from 1.
    ///
    /// # Errors
    /// If there are too many.
    pub(crate) fn add(&mut self, column: usize) -> Result<(), NodeError> {
        self.0 += 1;
        if column > MOST_COLUMNS {
            let text = format!("the CSV has a line with more than {MOST_COLUMNS} columns");
            return Err(NodeError::new(text));
        }
        if self.0 > MOST_CELLS {
            return Err(NodeError::new(format!("the CSV has more than {MOST_CELLS} cells")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_cells_are_bounded() {
        let mut count = Count::default();
        assert!((1..=MOST_COLUMNS).all(|column| count.add(column).is_ok()));
        let error = Count::default().add(MOST_COLUMNS + 1).unwrap_err();
        assert_eq!(error.to_string(), "the CSV has a line with more than 65536 columns");
        assert!((MOST_COLUMNS..MOST_CELLS).all(|_| count.add(1).is_ok()));
        let error = count.add(1).unwrap_err();
        assert_eq!(error.to_string(), "the CSV has more than 16777216 cells");
    }
}

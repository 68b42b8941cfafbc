//! `Problem`: a mistake in a flow file, and its place.

use std::fmt;

/// What a problem prevents from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing. The node starts without the part that is wrong.
    Warning,
    /// The node. All others start.
    Node,
    /// All flows. No plugin provides a node type that they use.
    MissingType,
}

/// The place of an object in a flow file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The id of the tab or subflow; empty if the object is on none.
    pub flow: String,
    /// The tab's label; empty if it has none.
    pub flow_label: String,
    /// The node's id.
    pub id: String,
    /// The node's type.
    pub node_type: String,
    /// The node's name; empty if it has none.
    pub name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.flow_label.as_str(), self.flow.as_str()) {
            ("", "") => {}
            ("", flow) => write!(f, "flow `{flow}`, ")?,
            (label, _) => write!(f, "flow `{label}`, ")?,
        }
        write!(f, "node `{}` (type `{}`", self.id, self.node_type)?;
        if !self.name.is_empty() {
            write!(f, ", name `{}`", self.name)?;
        }
        f.write_str(")")
    }
}

/// A mistake in a flow file. Its `Display` output is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What the problem prevents from running.
    pub severity: Severity,
    /// The node with the problem; for a missing type, the first node of this type.
    pub place: Place,
    /// The other nodes that are involved: the one with the same id or the same path, or the other
    /// nodes of a missing type.
    pub others: Vec<Place>,
    /// The property that is wrong; empty if it is not a single one.
    pub property: String,
    /// What is wrong and what to do, in lower case and without a full stop.
    pub text: String,
}

/// At most this many of the other places are printed.
const PRINTED: usize = 10;

impl Problem {
    fn new(severity: Severity, place: Place, property: &str, text: impl Into<String>) -> Self {
        let (property, text) = (property.to_owned(), text.into());
        Problem { severity, place, others: Vec::new(), property, text }
    }

    pub(crate) fn warning(place: Place, property: &str, text: impl Into<String>) -> Self {
        Self::new(Severity::Warning, place, property, text)
    }

    pub(crate) fn of_node(place: Place, property: &str, text: impl Into<String>) -> Self {
        Self::new(Severity::Node, place, property, text)
    }

    /// A type that nothing provides; `package` is the npm package that does.
    pub(crate) fn missing_type(places: Vec<Place>, package: Option<&str>) -> Option<Self> {
        let mut places = places.into_iter();
        let first = places.next()?;
        let missing = &first.node_type;
        let text = match package {
            None => format!(
                "no plugin provides the type `{missing}`; add one that does, or delete or disable \
                 its nodes"
            ),
            Some(package) => format!(
                "no plugin provides the type `{missing}`, but the npm package `{package}` does; run \
                 `npm install {package}` in the user directory, or delete or disable its nodes"
            ),
        };
        let problem = Self::new(Severity::MissingType, first, "type", text);
        Some(problem.with_others(places.collect()))
    }

    pub(crate) fn with_others(mut self, others: Vec<Place>) -> Self {
        self.others = others;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if !self.property.is_empty() {
            write!(f, ", property `{}`", self.property)?;
        }
        write!(f, ": {}", self.text.replace(['\n', '\r'], " "))?;
        for (at, place) in self.others.iter().take(PRINTED).enumerate() {
            f.write_str(if at == 0 { "; also " } else { "; " })?;
            write!(f, "{place}")?;
        }
        match self.others.len().saturating_sub(PRINTED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

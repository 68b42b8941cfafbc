//! CSS selectors, in the dialect of Node-RED's library: that of jQuery, with `:first`, `:eq(2)`,
//! `:contains(text)`, `[name!=value]` and others that no other library has.

mod alias;
mod attribute;
mod elements;
mod matching;
mod nth;
mod parse;
mod position;

use ferrowire::NodeError;

use crate::document::{Document, NodeId};
use attribute::AttributeTest;
use elements::Elements;
use matching::Matcher;
use nth::Nth;
use position::Position;

/// Selectors, of which an element has to match one.
#[derive(Debug, Default)]
pub(crate) struct Selectors(Vec<Selector>);

type Selector = Vec<Token>;

#[derive(Debug)]
enum Token {
    Combinator(Combinator),
    Tag(String),
    Attribute(AttributeTest),
    /// `:is`, `:where`, `:matches`
    Is(Vec<Selector>),
    Not(Vec<Selector>),
    Has(Vec<Selector>),
    /// The text contains this; in lower case if case does not matter.
    Contains {
        text: String,
        any_case: bool,
    },
    Nth(Nth),
    Position(Position),
    Empty,
    Root,
    /// `:hover` and other states that a document has not, and selectors that match nothing.
    Nothing,
    Everything,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Combinator {
    Descendant,
    Child,
    /// `<`, of Node-RED's library.
    Parent,
    Adjacent,
    Sibling,
}

impl Token {
    fn is_combinator(&self) -> bool {
        matches!(self, Token::Combinator(_))
    }

    /// Whether the token depends on what is selected before it.
    fn is_position(&self) -> bool {
        match self {
            Token::Position(_) => true,
            Token::Not(list) => list.iter().flatten().any(Token::is_position),
            _ => false,
        }
    }
}

impl Selectors {
    /// No selectors for a blank text.
    ///
    /// # Errors
    /// If the text is no list of selectors.
    pub(crate) fn parse(text: &str) -> Result<Self, NodeError> {
        parse::selectors(text).map(Selectors).map_err(NodeError::new)
    }

    /// The elements that match, in the order of the document.
    ///
    /// # Errors
    /// If it takes too long to find them.
    pub(crate) fn select(&self, document: &Document) -> Result<Vec<NodeId>, NodeError> {
        let elements = Elements::of(document);
        let selected = Matcher::new(&elements).select(&self.0)?;
        Ok(elements.nodes_in(&selected))
    }
}

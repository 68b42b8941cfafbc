//! `Document`: parsed HTML.
//!
//! The parser is html5ever. Its nodes are kept in one list, and whatever walks over them is a loop, so
//! that depth costs no stack.

mod sink;

use ferrowire::NodeError;
use html5ever::driver::{ParseOpts, Parser};
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::{Attribute, QualName, local_name, ns, parse_document, parse_fragment};

use sink::Sink;

/// The maximum number of elements within each other: the parser looks through them for each tag.
const DEEPEST: usize = 512;

/// The maximum number of nodes: few characters can make the parser repeat many elements.
const MOST_NODES: usize = 1 << 20;

/// After so many bytes the limits are checked.
const PIECE: usize = 4096;

/// The place of a node in its document.
pub(crate) type NodeId = usize;

#[derive(Debug)]
pub(crate) enum Kind {
    Document,
    Doctype(StrTendril),
    Element(Element),
    Text(StrTendril),
    Comment(StrTendril),
}

#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: QualName,
    pub(crate) attributes: Vec<Attribute>,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let attribute = self.attributes.iter().find(|own| &*own.name.local == name)?;
        Some(&attribute.value)
    }

    pub(crate) fn tag(&self) -> &str {
        &self.name.local
    }
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) parent: Option<NodeId>,
    pub(crate) first_child: Option<NodeId>,
    last_child: Option<NodeId>,
    previous: Option<NodeId>,
    pub(crate) next: Option<NodeId>,
    depth: usize,
}

#[derive(Debug)]
pub(crate) struct Document {
    nodes: Vec<Node>,
    /// Where walks begin: the document, or the root of a fragment.
    pub(crate) root: NodeId,
}

/// A step of a walk in document order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Enter(NodeId),
    Leave(NodeId),
}

impl Document {
    /// # Errors
    /// If the elements are too deep, or there are too many nodes. Nothing else is an error in HTML.
    pub(crate) fn parse(source: &str) -> Result<Self, NodeError> {
        feed(parse_document(Sink::default(), ParseOpts::default()), source)
    }

    /// What is within an element.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(crate) fn parse_fragment(source: &str) -> Result<Self, NodeError> {
        let context = QualName::new(None, ns!(html), local_name!("template"));
        let sink = Sink::default();
        let parser = parse_fragment(sink, ParseOpts::default(), context, Vec::new(), true);
        let mut document = feed(parser, source)?;
        // The parser puts a fragment into an element `html`.
        let html = document.node(document.root).and_then(|root| root.first_child);
        document.root = html.unwrap_or(document.root);
        Ok(document)
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    pub(crate) fn element(&self, id: NodeId) -> Option<&Element> {
        match &self.nodes.get(id)?.kind {
            Kind::Element(element) => Some(element),
            _ => None,
        }
    }

    /// The nodes within `top`, each entered and left.
    pub(crate) fn walk(&self, top: NodeId) -> Walk<'_> {
        Walk { document: self, top, last: Step::Enter(top) }
    }
}

fn feed(mut parser: Parser<Sink>, source: &str) -> Result<Document, NodeError> {
    let mut rest = source;
    while !rest.is_empty() {
        let end = rest.floor_char_boundary(PIECE.min(rest.len())).max(1);
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        parser.process(StrTendril::from_slice(piece));
        parser.tokenizer.sink.sink.check()?;
        rest = after;
    }
    let document = parser.finish();
    document.check()?;
    Ok(document.into_document())
}

pub(crate) struct Walk<'a> {
    document: &'a Document,
    top: NodeId,
    last: Step,
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        self.last = match self.last {
            Step::Leave(id) if id == self.top => return None,
            Step::Leave(id) => {
                let node = self.document.node(id)?;
                node.next.map(Step::Enter).or_else(|| node.parent.map(Step::Leave))?
            }
            Step::Enter(id) => {
                let first = self.document.node(id)?.first_child;
                first.map_or(Step::Leave(id), Step::Enter)
            }
        };
        (self.last != Step::Leave(self.top)).then_some(self.last)
    }
}

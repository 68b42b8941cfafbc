//! `Matcher`: which elements match.
//!
//! A selector is evaluated for all elements at once, from left to right: each part narrows or moves the
//! set of elements. So the cost is the number of parts times that of elements, however the parts
//! are combined.

use std::cell::Cell;

use ferrowire::NodeError;

use super::elements::{Elements, Entry};
use super::nth::Nth;
use super::position::Position;
use super::{Combinator, Selector, Token};

/// The maximum number of steps, each an element or a byte of text that is looked at.
const MOST_STEPS: usize = 1 << 27;

/// For each element whether it is in the set.
type Set = Vec<bool>;

pub(super) struct Matcher<'a> {
    elements: &'a Elements<'a>,
    steps: Cell<usize>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(elements: &'a Elements<'a>) -> Self {
        Matcher { elements, steps: Cell::new(0) }
    }

    /// # Errors
    /// If it takes too long.
    pub(super) fn select(&self, list: &[Selector]) -> Result<Set, NodeError> {
        self.any(list, |selector| self.select_one(selector))
    }

    fn any(
        &self,
        list: &[Selector],
        select: impl Fn(&Selector) -> Result<Set, NodeError>,
    ) -> Result<Set, NodeError> {
        let mut selected = self.nothing();
        for selector in list {
            let matching = select(selector)?;
            selected.iter_mut().zip(matching).for_each(|(selected, is_in)| *selected |= is_in);
        }
        Ok(selected)
    }

    fn nothing(&self) -> Set {
        vec![false; self.elements.list.len()]
    }

    fn everything(&self) -> Set {
        vec![true; self.elements.list.len()]
    }

    fn roots(&self) -> Set {
        self.elements.list.iter().map(|entry| entry.parent.is_none()).collect()
    }

    fn count(&self, steps: usize) -> Result<(), NodeError> {
        self.steps.set(self.steps.get().saturating_add(steps));
        if self.steps.get() > MOST_STEPS {
            return Err(NodeError::new("the selector takes too long for this HTML"));
        }
        Ok(())
    }

    fn select_one(&self, selector: &Selector) -> Result<Set, NodeError> {
        match selector.first() {
            // As in Node-RED's library, nothing is related to the document.
            Some(Token::Combinator(_)) => Ok(self.nothing()),
            Some(first) if first.is_position() => self.narrow(selector, self.roots()),
            _ => self.narrow(selector, self.everything()),
        }
    }

    fn narrow(&self, tokens: &[Token], from: Set) -> Result<Set, NodeError> {
        tokens.iter().try_fold(from, |set, token| {
            self.count(set.len())?;
            match token {
                Token::Combinator(combinator) => Ok(self.moved(*combinator, &set)),
                Token::Position(position) => Ok(at_position(*position, set)),
                token => self.filtered(token, set),
            }
        })
    }

    /// The elements that are related to those of the set.
    fn moved(&self, combinator: Combinator, set: &Set) -> Set {
        let mut moved = self.nothing();
        let mut within = 0;
        for (at, entry) in self.elements.list.iter().enumerate() {
            let is_in = |at: Option<usize>| at.is_some_and(|at| has(set, at));
            let related = match combinator {
                Combinator::Descendant => at < within,
                Combinator::Child => is_in(entry.parent),
                Combinator::Adjacent => is_in(entry.previous),
                Combinator::Sibling => {
                    is_in(entry.previous) || entry.previous.is_some_and(|at| has(&moved, at))
                }
                Combinator::Parent => false,
            };
            put(&mut moved, at, related);
            if has(set, at) {
                within = within.max(entry.end);
                if let (Combinator::Parent, Some(parent)) = (combinator, entry.parent) {
                    put(&mut moved, parent, true);
                }
            }
        }
        moved
    }

    /// The elements to which those of the set are related.
    fn moved_back(&self, combinator: Combinator, set: &Set) -> Set {
        let mut moved = self.nothing();
        // From the end, so that what is within an element comes before it.
        for (at, entry) in self.elements.list.iter().enumerate().rev() {
            let (is_in, is_moved) = (has(set, at), has(&moved, at));
            let (target, is_related) = match combinator {
                Combinator::Descendant => (entry.parent, is_in || is_moved),
                Combinator::Child => (entry.parent, is_in),
                Combinator::Adjacent => (entry.previous, is_in),
                Combinator::Sibling => (entry.previous, is_in || is_moved),
                Combinator::Parent => {
                    put(&mut moved, at, entry.parent.is_some_and(|parent| has(set, parent)));
                    continue;
                }
            };
            if let Some(target) = target.filter(|_| is_related) {
                put(&mut moved, target, true);
            }
        }
        moved
    }

    fn filtered(&self, token: &Token, set: Set) -> Result<Set, NodeError> {
        match token {
            Token::Is(list) => Ok(both(set, &self.select(list)?)),
            Token::Not(list) => {
                let excluded = self.any(list, |selector| match token.is_position() {
                    true => self.narrow(selector, set.clone()),
                    false => self.select_one(selector),
                })?;
                Ok(set.iter().zip(excluded).map(|(is_in, excluded)| *is_in && !excluded).collect())
            }
            Token::Has(list) => Ok(both(set, &self.any(list, |selector| self.having(selector))?)),
            Token::Nth(nth) => Ok(both(set, &self.nth(nth))),
            Token::Contains { text, any_case } => self.containing(text, *any_case, set),
            token => Ok(self.having_property(token, set)),
        }
    }

    /// The elements for which `selector` finds something, which begins at them.
    fn having(&self, selector: &[Token]) -> Result<Set, NodeError> {
        let mut set = self.everything();
        let mut parts = selector.split_inclusive(Token::is_combinator).rev().peekable();
        while let Some(part) = parts.next() {
            // A part ends with the combinator that leads to the next one.
            let own = match part.split_last() {
                Some((Token::Combinator(_), own)) => own,
                _ => part,
            };
            if own.is_empty() && parts.peek().is_none() {
                return Ok(set);
            }
            set = both(set, &self.narrow(own, self.everything())?);
            self.count(set.len())?;
            let before = parts.peek().and_then(|part| part.last());
            let combinator = match before {
                Some(Token::Combinator(combinator)) => *combinator,
                _ => Combinator::Descendant,
            };
            set = self.moved_back(combinator, &set);
        }
        Ok(set)
    }

    fn nth(&self, nth: &Nth) -> Set {
        let places = self.elements.places(nth.of_type);
        let places = if nth.from_end { places.from_end } else { places.from_start };
        places.into_iter().map(|place| nth.matches(place)).collect()
    }

    fn containing(&self, text: &str, any_case: bool, mut set: Set) -> Result<Set, NodeError> {
        for (entry, is_in) in self.elements.list.iter().zip(&mut set).filter(|(_, is_in)| **is_in) {
            let own = self.elements.text.get(entry.text.clone()).unwrap_or_default();
            self.count(own.len())?;
            *is_in = if any_case { own.to_lowercase().contains(text) } else { own.contains(text) };
        }
        Ok(set)
    }

    fn having_property(&self, token: &Token, mut set: Set) -> Set {
        for (entry, is_in) in self.elements.list.iter().zip(&mut set).filter(|(_, is_in)| **is_in) {
            *is_in = self.has_property(token, entry);
        }
        set
    }

    fn has_property(&self, token: &Token, entry: &Entry) -> bool {
        match token {
            Token::Tag(name) => self.elements.element(entry).is_some_and(|own| own.tag() == name),
            Token::Attribute(test) => {
                self.elements.element(entry).is_some_and(|own| test.matches(own))
            }
            Token::Empty => entry.is_empty,
            Token::Root => entry.parent.is_none(),
            Token::Everything => true,
            _ => false,
        }
    }
}

fn has(set: &Set, at: usize) -> bool {
    set.get(at).copied().unwrap_or_default()
}

fn put(set: &mut Set, at: usize, is_in: bool) {
    if let Some(place) = set.get_mut(at) {
        *place |= is_in;
    }
}

fn both(set: Set, other: &Set) -> Set {
    set.into_iter().zip(other).map(|(is_in, other)| is_in && *other).collect()
}

/// The elements of the set at some positions among all of them.
fn at_position(position: Position, mut set: Set) -> Set {
    let count = set.iter().filter(|is_in| **is_in).count();
    let chosen = set.iter_mut().filter(|is_in| **is_in);
    for (at, is_in) in chosen.enumerate() {
        *is_in = position.includes(at, count);
    }
    set
}

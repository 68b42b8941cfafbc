//! Replaces functions whose results differ between the interpreter and JSONata in JavaScript.
//!
//! A name that the expression itself defines is not replaced. The names of the replacements contain
//! a space, so that an expression cannot call or redefine them.

mod base64;
mod keep;
mod numbers;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::BTreeSet;
use std::convert::Infallible;

use jsonata_core::ast::{AstNode, BinaryOp};
use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;

use super::guard::failed;
use super::walk::{walk, walk_up};

type Found = Result<JValue, EvaluatorError>;

/// A function of JSONata and its replacement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corrected {
    name: &'static str,
    ours: &'static str,
    /// The minimum number of arguments; with one less, the context becomes the first argument.
    least: usize,
    /// The maximum number of arguments; the interpreter rejects calls with more.
    most: usize,
    function: fn(&[JValue]) -> Found,
}

const ALL: [Corrected; 6] = [
    of("base64encode", "base64 of", 1, 1, base64::encode),
    of("base64decode", "text of base64", 1, 1, base64::decode),
    of("trim", "trimmed text", 1, 1, trim),
    of("number", "number of", 1, 1, numbers::number),
    of("formatBase", "digits of", 1, 2, numbers::digits),
    of("formatNumber", "picture of", 2, 3, numbers::picture),
];

const fn of(
    name: &'static str,
    ours: &'static str,
    least: usize,
    most: usize,
    function: fn(&[JValue]) -> Found,
) -> Corrected {
    Corrected { name, ours, least, most, function }
}

impl Corrected {
    /// A helper function that replaces no function of JSONata.
    const fn new(ours: &'static str, function: fn(&[JValue]) -> Found) -> Self {
        of("", ours, 0, 0, function)
    }
}

/// All functions that can be inserted.
pub(super) fn all() -> Vec<Corrected> {
    ALL.into_iter().chain(keep::ALL).chain(whole::ALL).collect()
}

/// Inserts the replacements of functions that the expression does not define itself. Returns those
/// that it uses.
pub(super) fn insert(ast: &mut AstNode, bound: &BTreeSet<String>) -> Vec<Corrected> {
    let known = ALL.into_iter().filter(|it| !bound.contains(it.name)).collect();
    let mut inserting = Inserting { known, used: Vec::new() };
    let Ok(()) = walk(ast, &mut |node| {
        inserting.node(node);
        Ok::<_, Infallible>(())
    });
    let mut used = inserting.used;
    let (mut keeps, mut reads) = (false, false);
    walk_up(ast, &mut |node| {
        keeps |= !bound.contains("reduce") && keep::reduce(node);
        keep::chain(node);
        reads |= !bound.contains("parseInteger") && whole::insert(node);
    });
    used.extend(keep::ALL.iter().filter(|_| keeps));
    used.extend(whole::ALL.iter().filter(|_| reads));
    used
}

/// The names of the variables that the expression binds.
pub(super) fn bound(ast: &mut AstNode) -> BTreeSet<String> {
    let mut bound = BTreeSet::new();
    let Ok(()) = walk(ast, &mut |node| {
        match node {
            AstNode::Binary { op: BinaryOp::ColonEqual, lhs, .. } => {
                if let AstNode::Variable(name) = &**lhs {
                    bound.insert(name.clone());
                }
            }
            AstNode::Lambda { params, .. } => bound.extend(params.iter().cloned()),
            _ => {}
        }
        Ok::<_, Infallible>(())
    });
    bound
}

struct Inserting {
    known: Vec<Corrected>,
    used: Vec<Corrected>,
}

impl Inserting {
    fn node(&mut self, node: &mut AstNode) {
        match node {
            AstNode::Binary { op: BinaryOp::ChainPipe, rhs, .. } => {
                // The left side becomes the first argument.
                if let AstNode::Function { name, args, .. } = &mut **rhs
                    && let Some(it) = self.known(name)
                    && (it.least..=it.most).contains(&(args.len() + 1))
                {
                    self.put(it, name);
                }
            }
            AstNode::Function { name, args, is_builtin: true } => {
                let Some(it) = self.known(name) else { return };
                if args.len() + 1 == it.least {
                    args.insert(0, AstNode::variable(""));
                }
                if (it.least..=it.most).contains(&args.len()) {
                    self.put(it, name);
                }
            }
            AstNode::Variable(name) => {
                if let Some(it) = self.known(name) {
                    self.put(it, name);
                }
            }
            _ => {}
        }
    }

    fn known(&self, name: &str) -> Option<Corrected> {
        self.known.iter().find(|it| it.name == name).copied()
    }

    fn put(&mut self, it: Corrected, name: &mut String) {
        it.ours.clone_into(name);
        if self.used.iter().all(|used| used.name != it.name) {
            self.used.push(it);
        }
    }
}

/// Registers the functions for an evaluation.
pub(super) fn register(
    evaluator: &mut Evaluator,
    used: &[Corrected],
) -> Result<(), EvaluatorError> {
    used.iter().try_for_each(|it| evaluator.register_fn(it.ours, it.function))
}

/// The error for an argument of the wrong type.
pub(super) fn mistyped(name: &str, position: usize) -> EvaluatorError {
    failed(format!("T0410: argument {position} of function {name} does not match its signature"))
}

/// The only argument as text; `None` if it is `undefined`.
fn text<'a>(name: &str, args: &'a [JValue]) -> Result<Option<&'a str>, EvaluatorError> {
    match args.first() {
        None | Some(JValue::Undefined) => Ok(None),
        Some(JValue::String(text)) => Ok(Some(text)),
        Some(_) => Err(mistyped(name, 1)),
    }
}

/// Trims and merges spaces, tabs and line breaks, but no other whitespace.
fn trim(args: &[JValue]) -> Found {
    let Some(text) = text("trim", args)? else { return Ok(JValue::Undefined) };
    let parts = text.split([' ', '\t', '\n', '\r']).filter(|part| !part.is_empty());
    Ok(JValue::string(parts.collect::<Vec<_>>().join(" ")))
}

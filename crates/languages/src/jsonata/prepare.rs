//! Checks and prepares an expression before its first evaluation.

use std::collections::BTreeSet;

use jsonata_core::ast::{AstNode, BinaryOp, Stage};

use super::functions::Functions;
use super::moment::{self, Known};
use super::walk::walk;
use super::{InvalidJsonata, corrected, eval, guard, syntax};
use ferrowire_core::Key;

use crate::regexp;

/// Which properties of the message an expression may read.
#[derive(Debug)]
pub(super) enum Reads {
    /// All of them.
    Everything,
    /// At most these; the others need not be converted.
    Names(Vec<Key>),
}

/// The findings about an expression.
pub(super) struct Found {
    pub(super) reads: Reads,
    pub(super) functions: Functions,
}

/// Analyzes `ast`, translates its regular expressions for the interpreter, and inserts the guards.
///
/// # Errors
/// If the expression uses an unsupported feature.
pub(super) fn prepare(ast: &mut AstNode, source: &str) -> Result<Found, InvalidJsonata> {
    let mut search = Search { source, ..Search::default() };
    walk(ast, &mut |node| search.node(node))?;
    search.moments(ast)?;
    let repeats = search.repeats;
    let guarded = walk(ast, &mut |node| {
        guard::insert(node, repeats);
        Ok(())
    });
    guarded.map(|()| {
        let bound = corrected::bound(ast);
        search.functions.corrected = corrected::insert(ast, &bound);
        if !bound.contains("eval") && eval::insert(ast) {
            search.functions = Functions::all();
        }
        let reads = match search.everything {
            true => Reads::Everything,
            false => Reads::Names(search.names.into_iter().map(Key::from).collect()),
        };
        Found { reads, functions: search.functions }
    })
}

#[derive(Default)]
struct Search<'a> {
    source: &'a str,
    names: BTreeSet<String>,
    everything: bool,
    /// Whether a part can be evaluated many times, independently of the input.
    repeats: bool,
    functions: Functions,
    /// An unsupported method of moments.
    missing: Option<String>,
}

impl Search<'_> {
    fn node(&mut self, node: &mut AstNode) -> Result<(), InvalidJsonata> {
        match node {
            AstNode::Name(name) | AstNode::String(name) => {
                self.names.insert(name.clone());
            }
            AstNode::Variable(name) if !name.is_empty() => self.function(name),
            AstNode::Variable(_)
            | AstNode::ParentVariable(_)
            | AstNode::Wildcard
            | AstNode::Descendant
            | AstNode::Parent(_) => self.everything = true,
            // A property that contains a function, or a method of moments.
            AstNode::Function { name, is_builtin: false, .. } => {
                self.names.insert(name.clone());
                if moment::known(name) == Known::Missing {
                    self.missing.get_or_insert_with(|| name.clone());
                }
            }
            AstNode::Function { name, args, is_builtin } => {
                if matches!(name.as_str(), "clone" | "encodeUrl") && args.is_empty() {
                    args.push(AstNode::variable(""));
                }
                // `$now` with a format, which the interpreter supports only for other times.
                if name == "now" && !args.is_empty() {
                    let (now, is_builtin) = ("millis".to_owned(), *is_builtin);
                    args.insert(0, AstNode::Function { name: now, args: Vec::new(), is_builtin });
                    *name = "fromMillis".to_owned();
                }
                let name = name.clone();
                self.everything |= args.len() < arguments_for_no_context(&name);
                self.repeats |= name == "eval";
                self.function(&name);
            }
            AstNode::Lambda { signature, .. } => {
                self.repeats = true;
                self.everything |= signature.as_ref().is_some_and(|s| s.contains('-'));
            }
            AstNode::Binary { op: BinaryOp::Range, .. } => self.repeats = true,
            AstNode::Path { steps } => {
                let index = |stage: &Stage| matches!(stage, Stage::Index(_));
                let bound = steps.first().is_some_and(|step| {
                    step.focus.is_some()
                        || step.index_var.is_some()
                        || step.ancestor_label.is_some()
                        || step.stages.iter().any(index)
                });
                self.everything |= bound;
            }
            AstNode::Regex { pattern, .. } => *pattern = self.regexp(pattern)?,
            _ => {}
        }
        Ok(())
    }

    fn function(&mut self, name: &str) {
        match name {
            "flowContext" | "globalContext" => self.functions.context = true,
            "env" => self.functions.env = true,
            "clone" => self.functions.clone = true,
            "moment" => self.functions.moment = true,
            "random" => self.functions.random = true,
            "encodeUrl" => self.functions.encode_url = true,
            _ => {}
        }
    }

    /// # Errors
    /// If it uses an unsupported method of moments.
    fn moments(&self, ast: &mut AstNode) -> Result<(), InvalidJsonata> {
        if !self.functions.moment {
            return Ok(());
        }
        if let Some(name) = &self.missing {
            let at = syntax::find_call(self.source, name);
            let text = format!("`{name}` of a moment is not supported");
            return Err(syntax::at(self.source, at, text));
        }
        walk(ast, &mut |node| {
            moment::insert(node);
            Ok(())
        })
    }

    fn regexp(&self, pattern: &str) -> Result<String, InvalidJsonata> {
        let problem = |reason: String| {
            let at = self.source.find(&format!("/{pattern}/")).unwrap_or_default();
            syntax::at(self.source, at, reason)
        };
        regexp::translate_linear(pattern).map_err(problem)
    }
}

/// The number of arguments with which the function does not use the context value; functions that
/// are not listed are assumed to use it.
fn arguments_for_no_context(name: &str) -> usize {
    match name {
        "now" | "millis" | "moment" | "random" | "error" | "flowContext" | "globalContext"
        | "env" => 0,
        "string" | "length" | "uppercase" | "lowercase" | "trim" | "join" | "base64encode"
        | "base64decode" | "encodeUrlComponent" | "encodeUrl" | "decodeUrlComponent"
        | "decodeUrl" | "number" | "abs" | "floor" | "ceil" | "round" | "sqrt" | "sum" | "max"
        | "min" | "average" | "boolean" | "not" | "exists" | "count" | "sort" | "reverse"
        | "shuffle" | "distinct" | "zip" | "keys" | "spread" | "merge" | "assert" | "type"
        | "fromMillis" | "toMillis" | "clone" => 1,
        "substring" | "substringBefore" | "substringAfter" | "pad" | "contains" | "split"
        | "match" | "power" | "formatNumber" | "formatBase" | "formatInteger" | "parseInteger"
        | "append" | "lookup" | "sift" | "each" | "map" | "filter" | "single" | "reduce" => 2,
        "replace" => 3,
        _ => usize::MAX,
    }
}

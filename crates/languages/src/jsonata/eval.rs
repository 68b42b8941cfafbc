//! `$eval`, whose expression is prepared like the one that it is part of: with the corrected
//! functions, the guards, and Node-RED's functions.
//!
//! The interpreter only evaluates text, so a call becomes the call of a function that is defined in
//! its place and whose body is exchanged for the prepared expression. That function sees the
//! variables and the context of its place. Only an expression that binds a variable outside of a
//! block, which would remain visible behind `$eval`, is left to the interpreter.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use jsonata_core::ast::{AstNode, BinaryOp};
use jsonata_core::evaluator::{Evaluator, EvaluatorError, StoredLambda};
use jsonata_core::parser::{self, ParserError};
use jsonata_core::value::JValue;

use super::corrected::mistyped;
use super::guard::{call, failed};
use super::walk::{children, walk, walk_up};
use super::{InvalidJsonata, prepare, syntax};

/// Reads the text of an expression, and says whether it is left to the interpreter.
const BINDS: &str = "binds variables";
/// The text that was read last.
const TEXT: &str = "text of an expression";
/// Makes a function of a text.
const FUNCTION: &str = "function of a text";
/// Passes on the result of the function.
const RESULT: &str = "result of a text";

/// What the functions of an evaluation share.
#[derive(Clone, Default)]
pub(super) struct Evaluated {
    read: Rc<RefCell<Option<Read>>>,
    /// How many calls have begun and not ended.
    depth: Rc<Cell<usize>>,
}

/// The text that was read last.
struct Read {
    text: JValue,
    /// `None` if it was used.
    ast: Option<Result<AstNode, ParserError>>,
}

impl Evaluated {
    /// The text of an error, which may be one of an expression that `$eval` evaluated.
    pub(super) fn describe(&self, message: &str) -> String {
        match self.depth.get() {
            0 => syntax::plain(message),
            _ => format!("in the text given to `$eval`: {} (D3121)", syntax::plain(message)),
        }
    }
}

/// Replaces the calls of `$eval`. Returns whether there are any.
pub(super) fn insert(ast: &mut AstNode) -> bool {
    let Ok(()) = walk(ast, &mut |node| {
        unchain(node);
        Ok::<_, Infallible>(())
    });
    let mut found = false;
    walk_up(ast, &mut |node| {
        if let AstNode::Function { name, args, is_builtin: true } = node
            && name == "eval"
            && (1..=2).contains(&args.len())
            && !args.iter().any(|arg| matches!(arg, AstNode::Placeholder))
        {
            let args = std::mem::take(args);
            *node = prepared(args);
            found = true;
        }
    });
    found
}

/// Makes `text ~> $eval` and `text ~> $eval(focus)` calls with the text as an argument.
fn unchain(node: &mut AstNode) {
    let AstNode::Binary { op: BinaryOp::ChainPipe, lhs, rhs } = node else { return };
    let rest = match &mut **rhs {
        AstNode::Variable(name) if name == "eval" => Vec::new(),
        AstNode::Function { name, args, is_builtin: true } if name == "eval" => {
            std::mem::take(args)
        }
        _ => return,
    };
    let text = std::mem::replace(&mut **lhs, AstNode::Null);
    *node = call("eval", std::iter::once(text).chain(rest).collect());
}

fn prepared(args: Vec<AstNode>) -> AstNode {
    let mut args = args.into_iter();
    let text = args.next().unwrap_or(AstNode::Null);
    let focus: Vec<AstNode> = args.collect();
    let read = || call(TEXT, Vec::new());
    // A call is not compiled, so that the body can be exchanged.
    let place = AstNode::Lambda {
        params: Vec::new(),
        body: Box::new(read()),
        signature: None,
        thunk: false,
    };
    // The focus may call `$eval` as well, so the text comes first.
    let function = call(FUNCTION, [read(), place].into_iter().chain(focus.clone()).collect());
    let result = AstNode::Call { procedure: Box::new(function), args: Vec::new() };
    AstNode::Conditional {
        condition: Box::new(call(BINDS, vec![text])),
        then_branch: Box::new(call("eval", std::iter::once(read()).chain(focus).collect())),
        else_branch: Some(Box::new(call(RESULT, vec![result]))),
    }
}

/// Registers the functions for an evaluation.
pub(super) fn register(
    evaluator: &mut Evaluator,
    evaluated: &Evaluated,
) -> Result<(), EvaluatorError> {
    let Evaluated { read, .. } = evaluated.clone();
    evaluator.register_fn(BINDS, move |args: &[JValue]| {
        let text = args.first().cloned().unwrap_or(JValue::Undefined);
        let mut ast = text.as_str().map(parser::parse);
        let binds = ast.as_mut().and_then(|ast| ast.as_mut().ok()).is_some_and(binds_outside);
        read.replace(Some(Read { text, ast }));
        Ok(JValue::Bool(binds))
    })?;
    let Evaluated { read, .. } = evaluated.clone();
    evaluator.register_fn(TEXT, move |_: &[JValue]| {
        Ok(read.borrow().as_ref().map_or(JValue::Undefined, |read| read.text.clone()))
    })?;
    let Evaluated { read, depth } = evaluated.clone();
    evaluator.register_fn(FUNCTION, move |args: &[JValue]| {
        let [text, JValue::Lambda(place), focus @ ..] = args else { return Ok(JValue::Undefined) };
        let body = body(text, &read)?;
        depth.set(depth.get() + 1);
        Ok(function(place, body, focus.first()))
    })?;
    let Evaluated { depth, .. } = evaluated.clone();
    evaluator.register_fn(RESULT, move |args: &[JValue]| {
        depth.set(depth.get().saturating_sub(1));
        Ok(args.first().cloned().unwrap_or(JValue::Undefined))
    })
}

/// The prepared expression.
fn body(text: &JValue, read: &RefCell<Option<Read>>) -> Result<AstNode, EvaluatorError> {
    let source = match text {
        JValue::Undefined => return Ok(AstNode::variable(FUNCTION)),
        JValue::String(source) => source,
        _ => return Err(mistyped("eval", 1)),
    };
    let is_same =
        |read: &&mut Read| matches!(&read.text, JValue::String(it) if Rc::ptr_eq(it, source));
    let parsed = read.borrow_mut().as_mut().filter(is_same).and_then(|read| read.ast.take());
    let parsed = parsed.unwrap_or_else(|| parser::parse(source));
    let invalid = |error: InvalidJsonata| failed(format!("D3120: {error}"));
    let mut ast = parsed.map_err(|error| invalid(syntax::explain(source, &error)))?;
    prepare::prepare(&mut ast, source).map_err(invalid)?;
    Ok(ast)
}

/// A function that is defined in `place`.
fn function(place: &StoredLambda, body: AstNode, focus: Option<&JValue>) -> JValue {
    let mut function = place.clone();
    function.body = body;
    if let Some(focus) = focus.filter(|focus| !focus.is_undefined()) {
        function.captured_data = Some(focus.clone().into_outer_wrapper());
    }
    JValue::Lambda(Rc::new(function))
}

/// Whether an expression binds a variable that is visible behind it.
fn binds_outside(node: &mut AstNode) -> bool {
    match node {
        AstNode::Binary { op: BinaryOp::ColonEqual, .. } => true,
        AstNode::Block(_) | AstNode::Lambda { .. } => false,
        _ => {
            let mut found = false;
            let Ok(()) = children(node, &mut |child| {
                found |= binds_outside(child);
                Ok::<_, Infallible>(())
            });
            found
        }
    }
}

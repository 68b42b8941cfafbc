//! Limits that the interpreter lacks, for steps that create large results from small input. The
//! names of the guards contain a space, so that expressions can neither call nor replace them.

use std::cell::Cell;
use std::rc::Rc;

use jsonata_core::ast::{AstNode, BinaryOp};
use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::functions::string;
use jsonata_core::value::JValue;

/// `a & b`.
const TEXT: &str = "text of both";
/// The width argument of `$pad`.
const WIDTH: &str = "text width";
/// The texts to `$join`.
const TEXTS: &str = "text parts";
/// The array for `$distinct`, which compares all pairs of elements.
const FEW: &str = "few elements";
/// The picture of `$fromMillis` or `$toMillis`.
const PICTURE: &str = "date picture";

/// The maximum number of characters of a component in a picture of a date, and of its digits.
const DIGITS: u64 = 18;

/// The maximum number of elements for `$distinct`.
const FEW_ELEMENTS: usize = 30_000;

/// Inserts the guards into one part of an expression; `repeats` says that it may be evaluated many
/// times.
pub(super) fn insert(node: &mut AstNode, repeats: bool) {
    match node {
        AstNode::Binary { op: BinaryOp::Concatenate, lhs, rhs } if repeats => {
            let args = [lhs, rhs].map(|side| std::mem::replace(&mut **side, AstNode::Null));
            *node = call(TEXT, args.into());
        }
        AstNode::Function { name, args, .. } => {
            let (at, guard) = match name.as_str() {
                "pad" => (1, WIDTH),
                "join" => (0, TEXTS),
                "distinct" => (0, FEW),
                "fromMillis" | "toMillis" => (1, PICTURE),
                _ => return,
            };
            let partial = args.iter().any(|arg| matches!(arg, AstNode::Placeholder));
            if let Some(arg) = args.get_mut(at).filter(|arg| !partial && !is_guard(arg)) {
                *arg = call(guard, vec![std::mem::replace(arg, AstNode::Null)]);
            }
        }
        _ => {}
    }
}

fn is_guard(node: &AstNode) -> bool {
    matches!(node, AstNode::Function { name, .. } if name.contains(' '))
}

pub(super) fn call(name: &str, args: Vec<AstNode>) -> AstNode {
    AstNode::Function { name: name.to_owned(), args, is_builtin: true }
}

pub(super) fn failed(text: String) -> EvaluatorError {
    EvaluatorError::EvaluationError(text)
}

/// The remaining text that an evaluation may create.
#[derive(Clone)]
pub(super) struct Budget {
    left: Rc<Cell<usize>>,
    limit: usize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Budget { left: Rc::new(Cell::new(limit)), limit }
    }

    pub(super) fn spend(&self, bytes: usize) -> Result<(), EvaluatorError> {
        let left = self.left.get().checked_sub(bytes);
        let text = || failed(format!("it creates more than {} bytes of text", self.limit));
        self.left.set(left.ok_or_else(text)?);
        Ok(())
    }
}

/// Registers the guards for an evaluation with this text budget.
pub(super) fn register(evaluator: &mut Evaluator, budget: &Budget) -> Result<(), EvaluatorError> {
    let budget = budget.clone();
    let both = budget.clone();
    evaluator.register_fn(TEXT, move |args: &[JValue]| {
        let [left, right] = args else { return Ok(JValue::Undefined) };
        let (left, right) = (text(left)?, text(right)?);
        both.spend(left.len() + right.len())?;
        Ok(JValue::string([&*left, &*right].concat()))
    })?;
    let width = budget.clone();
    evaluator.register_fn(WIDTH, move |args: &[JValue]| {
        let value = args.first().cloned().unwrap_or(JValue::Undefined);
        // A character takes at most four bytes.
        width.spend(value.as_f64().unwrap_or_default().abs().min(1e12) as usize * 4)?;
        Ok(value)
    })?;
    evaluator.register_fn(TEXTS, move |args: &[JValue]| {
        let value = args.first().cloned().unwrap_or(JValue::Undefined);
        let parts = value.as_array().map_or(&[][..], Vec::as_slice);
        budget.spend(parts.iter().filter_map(JValue::as_str).map(str::len).sum())?;
        Ok(value)
    })?;
    evaluator.register_fn(FEW, move |args: &[JValue]| {
        let value = args.first().cloned().unwrap_or(JValue::Undefined);
        let found = value.as_array().map_or(0, Vec::len);
        if found > FEW_ELEMENTS {
            let text =
                format!("`$distinct` accepts at most {FEW_ELEMENTS} elements, found {found}");
            return Err(failed(text));
        }
        Ok(value)
    })?;
    evaluator.register_fn(PICTURE, move |args: &[JValue]| {
        let value = args.first().cloned().unwrap_or(JValue::Undefined);
        value.as_str().map_or(Ok(()), has_known_components)?;
        Ok(value)
    })
}

/// Checks the components of a picture. The interpreter panics at one that does not begin with a letter
/// of ASCII, and at one whose numbers do not fit into 64 bits.
fn has_known_components(picture: &str) -> Result<(), EvaluatorError> {
    let mut rest = picture;
    while let Some((_, after)) = rest.split_once('[') {
        if let Some(after_literal) = after.strip_prefix('[') {
            rest = after_literal;
            continue;
        }
        let (component, after) = after.split_once(']').unwrap_or((after, ""));
        let component: String = component.split_whitespace().collect();
        let first = component.chars().next();
        if let Some(unknown) = first.filter(|it| !it.is_ascii_alphabetic()) {
            let text = format!("unknown component specifier `{unknown}` in a picture of a date");
            return Err(failed(text));
        }
        if is_too_wide(&component) {
            let text = format!("a component of a picture of a date has more than {DIGITS} digits");
            return Err(failed(text));
        }
        rest = after;
    }
    Ok(())
}

/// Whether a component, such as `Y0001,2-4`, has too many digits, or asks for too many.
fn is_too_wide(component: &str) -> bool {
    let (form, widths) = component.rsplit_once(',').unwrap_or((component, ""));
    let is_wide = |width: &str| width.parse::<u64>().is_ok_and(|width| width > DIGITS);
    form.chars().count() as u64 > DIGITS || widths.split('-').any(is_wide)
}

/// The text of one side of `&`.
fn text(value: &JValue) -> Result<Rc<str>, EvaluatorError> {
    match value {
        JValue::String(text) => Ok(Rc::clone(text)),
        JValue::Undefined => Ok(Rc::from("")),
        other => match string::string(other, None)? {
            JValue::String(text) => Ok(text),
            _ => Ok(Rc::from("")),
        },
    }
}

//! The functions that Node-RED adds to JSONata, and those missing in the interpreter.

use std::cell::RefCell;
use std::rc::Rc;

use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;

use super::convert::Converter;
use super::corrected::{self, Corrected};
use super::eval::{self, Evaluated};
use super::guard::{self, Budget};
use super::moment;
use ferrowire_core::{NodeContext, PropertyPath, Scope, Value};

use ferrowire_expression::javascript;

/// Which of the functions an expression uses.
#[derive(Debug, Default)]
pub(super) struct Functions {
    /// `$flowContext`, `$globalContext`.
    pub(super) context: bool,
    /// `$env`.
    pub(super) env: bool,
    /// `$clone`.
    pub(super) clone: bool,
    /// `$moment`.
    pub(super) moment: bool,
    /// `$random`, a JSONata function missing in the interpreter.
    pub(super) random: bool,
    /// `$encodeUrl`, which does not encode spaces in the interpreter.
    pub(super) encode_url: bool,
    /// `$eval`.
    pub(super) eval: bool,
    /// Replacements of the interpreter's functions.
    pub(super) corrected: Vec<Corrected>,
}

impl Functions {
    /// All of them: those that `$eval` may need.
    pub(super) fn all() -> Self {
        Functions {
            context: true,
            env: true,
            clone: true,
            moment: true,
            random: true,
            encode_url: true,
            eval: true,
            corrected: corrected::all(),
        }
    }
}

type Shared = Rc<RefCell<Converter>>;

/// What the functions of an evaluation work with.
pub(super) struct Host<'a> {
    pub(super) converter: Shared,
    pub(super) budget: Budget,
    pub(super) evaluated: Evaluated,
    pub(super) cx: &'a NodeContext,
}

/// Registers the functions for an evaluation.
pub(super) fn register(
    evaluator: &mut Evaluator,
    functions: &Functions,
    host: &Host<'_>,
) -> Result<(), EvaluatorError> {
    let Host { converter, budget, evaluated, cx } = host;
    guard::register(evaluator, budget)?;
    corrected::register(evaluator, &functions.corrected)?;
    if functions.eval {
        eval::register(evaluator, evaluated)?;
    }
    if functions.moment {
        moment::register(evaluator, converter, budget)?;
    }
    if functions.context {
        for (name, scope) in [("flowContext", Scope::Flow), ("globalContext", Scope::Global)] {
            let (cx, converter) = (NodeContext::clone(cx), Rc::clone(converter));
            evaluator.register_fn(name, move |args: &[JValue]| {
                let value = context(scope, args, &cx);
                enter(value.map_err(|text| failed(name, &text))?, &converter)
            })?;
        }
    }
    if functions.env {
        let (cx, converter) = (NodeContext::clone(cx), Rc::clone(converter));
        evaluator.register_fn("env", move |args: &[JValue]| {
            let name = args.first().and_then(JValue::as_str);
            let name = name.ok_or_else(|| failed("env", "the name of a variable is missing"))?;
            enter(Some(cx.env(name).unwrap_or_else(|| "".into())), &converter)
        })?;
    }
    if functions.random {
        evaluator
            .register_fn_override("random", |_: &[JValue]| Ok(JValue::from(fastrand::f64())))?;
    }
    if functions.encode_url {
        evaluator.register_fn_override("encodeUrl", |args: &[JValue]| match args.first() {
            None | Some(JValue::Undefined) => Ok(JValue::Undefined),
            Some(text) => {
                let text = text.as_str().ok_or_else(|| failed("encodeUrl", "no text was given"))?;
                Ok(JValue::from(javascript::encode_uri(text)))
            }
        })?;
    }
    if functions.clone {
        // Values are never changed in place, so the copy is the value itself.
        evaluator.register_fn("clone", |args: &[JValue]| {
            Ok(args.first().cloned().unwrap_or(JValue::Undefined))
        })?;
    }
    Ok(())
}

fn enter(value: Option<Value>, converter: &Shared) -> Result<JValue, EvaluatorError> {
    let mut converter = converter.borrow_mut();
    let value = value.map_or(JValue::Undefined, |value| converter.enter(&value));
    converter.check_entered().map_err(EvaluatorError::EvaluationError)?;
    Ok(value)
}

fn failed(name: &str, text: &str) -> EvaluatorError {
    EvaluatorError::EvaluationError(format!("`${name}`: {text}"))
}

/// The value of a context by its key and optional store name.
fn context(scope: Scope, args: &[JValue], cx: &NodeContext) -> Result<Option<Value>, String> {
    let key = args.first().and_then(JValue::as_str).ok_or("the key of a value is missing")?;
    let path = PropertyPath::parse_key(key).map_err(|error| error.to_string())?;
    let store = args.get(1).and_then(JValue::as_str).unwrap_or_default();
    cx.context(scope).in_store(store).get(&path).map_err(|error| error.to_string())
}

//! The functions that Node-RED adds to JSONata, and those missing in the interpreter.

use std::cell::RefCell;
use std::rc::Rc;

use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;

use super::convert::Converter;
use super::corrected::{self, Corrected};
use super::guard::Budget;
use super::moment;
use ferrowire_core::{NodeContext, PropertyPath, Scope, Value};

use crate::javascript;

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
    /// Replacements of the interpreter's functions.
    pub(super) corrected: Vec<Corrected>,
}

type Shared = Rc<RefCell<Converter>>;

/// Registers the functions for an evaluation.
pub(super) fn register(
    evaluator: &mut Evaluator,
    functions: &Functions,
    converter: &Shared,
    budget: &Budget,
    cx: &NodeContext,
) -> Result<(), EvaluatorError> {
    corrected::register(evaluator, &functions.corrected)?;
    if functions.moment {
        moment::register(evaluator, converter, budget)?;
    }
    if functions.context {
        for (name, scope) in [("flowContext", Scope::Flow), ("globalContext", Scope::Global)] {
            let (cx, converter) = (cx.clone(), Rc::clone(converter));
            evaluator.register_fn(name, move |args: &[JValue]| {
                let value = context(scope, args, &cx);
                enter(value.map_err(|text| failed(name, &text))?, &converter)
            })?;
        }
    }
    if functions.env {
        let (cx, converter) = (cx.clone(), Rc::clone(converter));
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
    Ok(value.map_or(JValue::Undefined, |value| converter.borrow_mut().enter(&value)))
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

//! JSONata, Node-RED's query language: compiled once and evaluated within limits.
//!
//! An evaluation fails after [`TIME_LIMIT`], at [`DEPTH_LIMIT`] nested levels, on creating an array
//! of more than [`LENGTH_LIMIT`] elements or text of more than [`TEXT_LIMIT`] bytes, and if its input
//! or result takes more than [`VALUE_LIMIT`] bytes. The JSONata interpreter is not exposed outside
//! of this module.

mod convert;
mod corrected;
mod eval;
mod functions;
mod guard;
mod moment;
mod prepare;
mod syntax;
#[cfg(test)]
mod tests;
mod walk;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::{parser, value::JValue};

use convert::Converter;
use eval::Evaluated;
use ferrowire_core::bus::{is_aside, run_aside};
use ferrowire_core::language::{Expression, Input};
use ferrowire_core::{NodeContext, NodeError, Value};
use functions::{Functions, Host};
pub(crate) use moment::now_as;
use prepare::Reads;

/// The time limit of one evaluation.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// How long an evaluation may hold its worker. One that takes longer is restarted aside, which it can
/// because an evaluation changes nothing.
const SHORT: Duration = Duration::from_millis(20);

/// The depth limit of an evaluation; a call that is not a tail call takes about three levels.
const DEPTH_LIMIT: usize = 10_000;

/// The maximum number of elements in one array.
const LENGTH_LIMIT: usize = 1_000_000;

/// The maximum number of bytes of text that an evaluation may create in total.
const TEXT_LIMIT: usize = 256 << 20;

/// The maximum memory in bytes of the values that enter an evaluation, and of its result.
const VALUE_LIMIT: usize = 256 << 20;

/// The limits of an evaluation.
#[derive(Clone, Copy, Debug)]
struct Limits {
    time: Duration,
    depth: usize,
    length: usize,
    text: usize,
    value: usize,
}

const LIMITS: Limits = Limits {
    time: TIME_LIMIT,
    depth: DEPTH_LIMIT,
    length: LENGTH_LIMIT,
    text: TEXT_LIMIT,
    value: VALUE_LIMIT,
};

/// A compiled expression.
pub(crate) struct Jsonata {
    source: String,
    ast: AstNode,
    reads: Reads,
    functions: Functions,
    /// Old expressions use `msg.payload` instead of `payload`.
    names_msg: bool,
}

/// Why an evaluation failed.
#[derive(Debug)]
struct Failure {
    error: NodeError,
    /// It took too long.
    is_late: bool,
}

/// The code of the error of an evaluation that took too long.
const LATE: &str = "D1012";

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        Failure { error, is_late: false }
    }
}

/// A syntax error or unsupported feature in a JSONata expression, and its position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSONata expression at line {line}, column {column}: {reason}")]
pub(crate) struct InvalidJsonata {
    line: usize,
    column: usize,
    reason: String,
}

impl Jsonata {
    /// Compiles `source`.
    ///
    /// # Errors
    /// With the line and column of the first syntax error or unsupported feature.
    pub(crate) fn compile(source: &str) -> Result<Self, InvalidJsonata> {
        let mut ast = parser::parse(source).map_err(|error| syntax::explain(source, &error))?;
        let found = prepare::prepare(&mut ast, source)?;
        let names_msg = syntax::names_msg(source);
        let reads = if names_msg { Reads::Everything } else { found.reads };
        let functions = found.functions;
        Ok(Jsonata { source: source.to_owned(), ast, reads, functions, names_msg })
    }

    fn evaluate_within(
        &self,
        limits: &Limits,
        input: Input<'_>,
        bindings: &[(&str, Value)],
        cx: &NodeContext,
    ) -> Result<Option<Value>, Failure> {
        let converter = Rc::new(RefCell::new(Converter::new(limits.value)));
        let data = self.input(input, &mut converter.borrow_mut());
        let mut context = Context::new();
        for (name, value) in bindings {
            context.bind((*name).to_owned(), converter.borrow_mut().enter(value));
        }
        converter.borrow().check_entered().map_err(|reason| self.fault(&reason))?;
        let options = EvaluatorOptions {
            timeout_ms: Some(limits.time.as_millis() as u64),
            max_stack_depth: Some(limits.depth),
            max_sequence_length: Some(limits.length),
            ..EvaluatorOptions::default()
        };
        let mut evaluator = Evaluator::with_options(context, options);
        let host = Host {
            converter: Rc::clone(&converter),
            budget: guard::Budget::new(limits.text),
            evaluated: Evaluated::default(),
            cx,
        };
        functions::register(&mut evaluator, &self.functions, &host)
            .and_then(|()| evaluator.evaluate(&self.ast, &data))
            .map_err(|error| self.failed(&error, &host.evaluated))
            .and_then(|result| {
                let left = converter.borrow().leave(result, limits.value);
                left.map_err(|reason| self.fault(&reason).into())
            })
    }

    fn input(&self, input: Input<'_>, converter: &mut Converter) -> JValue {
        let data = match (input, &self.reads) {
            (Input::Value(value), _) => converter.enter(value),
            (Input::Message(msg), Reads::Everything) => converter.enter_map(msg.properties()),
            (Input::Message(msg), Reads::Names(names)) => {
                let properties = msg.properties();
                let found = names.iter().filter_map(|name| Some((name, properties.get(name)?)));
                converter.enter_properties(found)
            }
        };
        if !self.names_msg {
            return data;
        }
        JValue::object([("msg".to_owned(), data)].into_iter().collect())
    }

    fn failed(&self, error: &EvaluatorError, evaluated: &Evaluated) -> Failure {
        let is_late = error.message().starts_with(LATE);
        Failure { error: self.fault(&evaluated.describe(error.message())), is_late }
    }

    fn fault(&self, reason: &str) -> NodeError {
        let source = syntax::shorten(&self.source);
        NodeError::new(format!("the JSONata expression `{source}` failed: {reason}"))
    }
}

impl Expression for Jsonata {
    fn evaluate(
        &self,
        input: Input<'_>,
        bindings: &[(&str, Value)],
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError> {
        if !is_aside() {
            let short = Limits { time: SHORT, ..LIMITS };
            match self.evaluate_within(&short, input, bindings, cx) {
                Err(Failure { is_late: true, .. }) => {}
                result => return result.map_err(|failure| failure.error),
            }
        }
        run_aside(|| self.evaluate_within(&LIMITS, input, bindings, cx))
            .map_err(|failure| failure.error)
    }
}

impl fmt::Debug for Jsonata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jsonata").field(&self.source).finish()
    }
}

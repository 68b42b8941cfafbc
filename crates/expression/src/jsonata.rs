//! JSONata, Node-RED's query language: compiled once and evaluated within limits.
//!
//! An evaluation fails after [`TIME_LIMIT`], at [`DEPTH_LIMIT`] nested levels, and on creating an
//! array of more than [`LENGTH_LIMIT`] elements or text of more than [`TEXT_LIMIT`] bytes. The
//! JSONata interpreter is not exposed outside of this module.

mod convert;
mod corrected;
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
use std::sync::Arc;
use std::time::Duration;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::{parser, value::JValue};

use convert::Converter;
use ferrowire_core::bus::{is_aside, run_aside};
use ferrowire_core::{Message, NodeContext, NodeError, Value};
use functions::Functions;
pub(crate) use moment::now_as;
use prepare::Reads;

/// The time limit of one evaluation.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// How long an evaluation may hold its worker. One that takes longer begins anew aside, which it can
/// because an evaluation changes nothing.
const SHORT: Duration = Duration::from_millis(20);

/// The depth limit of an evaluation; a call that is not a tail call takes about three levels.
pub const DEPTH_LIMIT: usize = 10_000;

/// The maximum number of elements in one array.
pub const LENGTH_LIMIT: usize = 1_000_000;

/// The maximum number of bytes of text that an evaluation may create in total.
pub const TEXT_LIMIT: usize = 256 << 20;

/// The maximum number of values in a result.
const VALUES_LIMIT: usize = 8 << 20;

/// The limits of an evaluation.
#[derive(Clone, Copy, Debug)]
struct Limits {
    time: Duration,
    depth: usize,
    length: usize,
    text: usize,
    values: usize,
}

const LIMITS: Limits = Limits {
    time: TIME_LIMIT,
    depth: DEPTH_LIMIT,
    length: LENGTH_LIMIT,
    text: TEXT_LIMIT,
    values: VALUES_LIMIT,
};

/// A compiled JSONata expression. Clones share it.
#[derive(Clone)]
pub struct Jsonata(Arc<Compiled>);

struct Compiled {
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
pub struct InvalidJsonata {
    line: usize,
    column: usize,
    reason: String,
}

/// The input of an evaluation: `$` at the outermost level.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A message.
    Message(&'a Message),
    /// Any other value.
    Value(&'a Value),
}

impl<'a> From<&'a Message> for Input<'a> {
    fn from(msg: &'a Message) -> Self {
        Input::Message(msg)
    }
}

impl<'a> From<&'a Value> for Input<'a> {
    fn from(value: &'a Value) -> Self {
        Input::Value(value)
    }
}

impl Jsonata {
    /// Compiles `source`.
    ///
    /// # Errors
    /// With the line and column of the first syntax error or unsupported feature.
    pub fn compile(source: &str) -> Result<Self, InvalidJsonata> {
        let mut ast = parser::parse(source).map_err(|error| syntax::explain(source, &error))?;
        let found = prepare::prepare(&mut ast, source)?;
        let names_msg = syntax::names_msg(source);
        let reads = if names_msg { Reads::Everything } else { found.reads };
        let functions = found.functions;
        let source = source.to_owned();
        Ok(Jsonata(Arc::new(Compiled { source, ast, reads, functions, names_msg })))
    }

    /// The source of the expression.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Evaluates the expression; `None` stands for `undefined`. The functions `$flowContext`,
    /// `$globalContext` and `$env` read from `cx`.
    ///
    /// # Errors
    /// If the evaluation fails or exceeds a limit.
    pub fn evaluate<'a>(
        &self,
        input: impl Into<Input<'a>>,
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError> {
        self.evaluate_with(input, &[], cx)
    }

    /// Like [`evaluate`](Self::evaluate), with values for the variables in `bindings`, whose names
    /// have no `$`.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_with<'a>(
        &self,
        input: impl Into<Input<'a>>,
        bindings: &[(&str, Value)],
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError> {
        let input = input.into();
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

    fn evaluate_within(
        &self,
        limits: &Limits,
        input: Input<'_>,
        bindings: &[(&str, Value)],
        cx: &NodeContext,
    ) -> Result<Option<Value>, Failure> {
        let converter = Rc::new(RefCell::new(Converter::default()));
        let data = self.input(input, &mut converter.borrow_mut());
        let mut context = Context::new();
        for (name, value) in bindings {
            context.bind((*name).to_owned(), converter.borrow_mut().enter(value));
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(limits.time.as_millis() as u64),
            max_stack_depth: Some(limits.depth),
            max_sequence_length: Some(limits.length),
            ..EvaluatorOptions::default()
        };
        let mut evaluator = Evaluator::with_options(context, options);
        let (budget, used) = (guard::Budget::new(limits.text), &self.0.functions);
        guard::register(&mut evaluator, &budget)
            .and_then(|()| functions::register(&mut evaluator, used, &converter, &budget, cx))
            .and_then(|()| evaluator.evaluate(&self.0.ast, &data))
            .map_err(|error| self.failed(&error))
            .and_then(|result| {
                let left = converter.borrow().leave(result, limits.values);
                left.map_err(|reason| self.fault(&reason).into())
            })
    }

    fn input(&self, input: Input<'_>, converter: &mut Converter) -> JValue {
        let data = match (input, &self.0.reads) {
            (Input::Value(value), _) => converter.enter(value),
            (Input::Message(msg), Reads::Everything) => converter.enter_map(msg.properties()),
            (Input::Message(msg), Reads::Names(names)) => {
                let properties = msg.properties();
                let found = names.iter().filter_map(|name| Some((name, properties.get(name)?)));
                converter.enter_properties(found)
            }
        };
        if !self.0.names_msg {
            return data;
        }
        JValue::object([("msg".to_owned(), data)].into_iter().collect())
    }

    fn failed(&self, error: &EvaluatorError) -> Failure {
        let is_late = error.message().starts_with(LATE);
        Failure { error: self.fault(&syntax::plain(error.message())), is_late }
    }

    fn fault(&self, reason: &str) -> NodeError {
        let source = syntax::shorten(&self.0.source);
        NodeError::new(format!("the JSONata expression `{source}` failed: {reason}"))
    }
}

impl fmt::Debug for Jsonata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jsonata").field(&self.0.source).finish()
    }
}

impl PartialEq for Jsonata {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

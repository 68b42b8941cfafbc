//! JSONata: Node-RED's query language, compiled once and evaluated within bounds.
//!
//! An evaluation ends after [`TIME_LIMIT`], at [`DEPTH_LIMIT`] nested levels, and with an array of
//! more than [`LENGTH_LIMIT`] elements or text of more than [`TEXT_LIMIT`] bytes. Which crate does
//! the work is nobody's business outside of this module.

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
use ferrowire_core::{Message, NodeContext, NodeError, Value};
use functions::Functions;
pub(crate) use moment::now_as;
use prepare::Reads;

/// How long one evaluation may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// How deep an evaluation may be nested; a call that is no tail call takes about three levels.
pub const DEPTH_LIMIT: usize = 10_000;

/// How many elements an evaluation may collect in one array.
pub const LENGTH_LIMIT: usize = 1_000_000;

/// How many bytes of text an evaluation may put together in all.
pub const TEXT_LIMIT: usize = 256 << 20;

/// How many values a result may consist of.
const VALUES_LIMIT: usize = 8 << 20;

/// Where an evaluation ends.
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

/// A JSONata expression, ready to be evaluated. Clones share it.
#[derive(Clone)]
pub struct Jsonata(Arc<Compiled>);

struct Compiled {
    source: String,
    ast: AstNode,
    reads: Reads,
    functions: Functions,
    /// Node-RED's first expressions spoke of `msg.payload`, and some still do.
    names_msg: bool,
}

/// Why an expression is no JSONata that can be evaluated here, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSONata expression at line {line}, column {column}: {reason}")]
pub struct InvalidJsonata {
    line: usize,
    column: usize,
    reason: String,
}

/// What an expression is evaluated against: `$` at its outermost level.
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
    /// With the line and column of the first mistake, or of what is not supported.
    pub fn compile(source: &str) -> Result<Self, InvalidJsonata> {
        let mut ast = parser::parse(source).map_err(|error| syntax::explain(source, &error))?;
        let found = prepare::prepare(&mut ast, source)?;
        let names_msg = syntax::names_msg(source);
        let reads = if names_msg { Reads::Everything } else { found.reads };
        let functions = found.functions;
        let source = source.to_owned();
        Ok(Jsonata(Arc::new(Compiled { source, ast, reads, functions, names_msg })))
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The value for `input`; `None` stands for `undefined`. `cx` is what the functions
    /// `$flowContext`, `$globalContext` and `$env` ask.
    ///
    /// # Errors
    /// When the evaluation fails, or reaches one of its bounds.
    pub fn evaluate<'a>(
        &self,
        input: impl Into<Input<'a>>,
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError> {
        self.evaluate_with(input, &[], cx)
    }

    /// As [`evaluate`](Self::evaluate), with a value for each of the variables that
    /// `bindings` names, without their `$`.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_with<'a>(
        &self,
        input: impl Into<Input<'a>>,
        bindings: &[(&str, Value)],
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError> {
        self.evaluate_within(&LIMITS, input.into(), bindings, cx)
    }

    fn evaluate_within(
        &self,
        limits: &Limits,
        input: Input<'_>,
        bindings: &[(&str, Value)],
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError> {
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
                left.map_err(|reason| self.fault(&reason))
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

    fn failed(&self, error: &EvaluatorError) -> NodeError {
        self.fault(&syntax::plain(error.message()))
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

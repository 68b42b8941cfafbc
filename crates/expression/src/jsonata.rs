//! JSONata, Node-RED's query language: compiled once and evaluated within limits, by the program
//! that runs the node ([`ferrowire_core::language`]).

use std::fmt;
use std::sync::Arc;

use ferrowire_core::language::{Expression, Input, languages};
use ferrowire_core::{NodeContext, NodeError, Value};

/// A compiled JSONata expression. Clones share it.
///
/// An evaluation fails after 5 seconds, at 10,000 nested levels, on creating an array of more than
/// 1,000,000 elements or text of more than 256 MiB, and if its input or result takes more than
/// 256 MiB.
#[derive(Clone)]
pub struct Jsonata {
    source: Arc<str>,
    compiled: Arc<dyn Expression>,
}

/// A syntax error or unsupported feature in a JSONata expression, and its position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJsonata(String);

impl Jsonata {
    /// Compiles `source`.
    ///
    /// # Errors
    /// With the line and column of the first syntax error or unsupported feature.
    pub fn compile(source: &str) -> Result<Self, InvalidJsonata> {
        let languages = languages().map_err(|reason| InvalidJsonata(reason.to_owned()))?;
        let compiled = languages.jsonata(source).map_err(InvalidJsonata)?;
        Ok(Jsonata { source: source.into(), compiled })
    }

    /// The source of the expression.
    pub fn source(&self) -> &str {
        &self.source
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
        self.compiled.evaluate(input.into(), &[], cx)
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
        self.compiled.evaluate(input.into(), bindings, cx)
    }
}

impl fmt::Debug for Jsonata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jsonata").field(&self.source).finish()
    }
}

impl PartialEq for Jsonata {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

//! The languages of expressions: JSONata, JavaScript's regular expressions, dates in the time zone
//! of the process.
//!
//! Nodes use them through the crate `ferrowire-expression`. The program contains one implementation,
//! which linked nodes call directly and loaded nodes through the ABI, so that no plugin library
//! contains an interpreter, a regular expression engine or a time zone database.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::{Date, Message, NodeContext, NodeError, Value};

/// An implementation of the languages.
pub trait Languages: Send + Sync {
    /// Compiles a JSONata expression.
    ///
    /// # Errors
    /// With the line and column of the first syntax error or unsupported feature.
    fn jsonata(&self, source: &str) -> Result<Arc<dyn Expression>, String>;

    /// Compiles a regular expression of JavaScript; `ignore_case` is its flag `i`.
    ///
    /// # Errors
    /// With the source, the reason and its position.
    fn regexp(&self, source: &str, ignore_case: bool) -> Result<Arc<dyn Pattern>, String>;

    /// `String(date)`, in the time zone of the process.
    fn date_text(&self, date: Date) -> String;

    /// The present date and time in a format of JSONata's `$moment`, such as `YYYY-MM-DD`.
    ///
    /// # Errors
    /// If the format is invalid.
    fn now_as(&self, format: &str) -> Result<String, String>;
}

/// A compiled JSONata expression.
pub trait Expression: Send + Sync {
    /// Evaluates the expression; `None` stands for `undefined`. `bindings` are variables, whose
    /// names have no `$`. The functions `$flowContext`, `$globalContext` and `$env` read from `cx`.
    ///
    /// # Errors
    /// If the evaluation fails or exceeds a limit.
    fn evaluate(
        &self,
        input: Input<'_>,
        bindings: &[(&str, Value)],
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError>;
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

/// A compiled regular expression.
pub trait Pattern: Send + Sync {
    /// Whether there is a match in `text`.
    ///
    /// # Errors
    /// If matching takes too many steps.
    fn is_match(&self, text: &str) -> Result<bool, String>;

    /// The first match that starts at or after byte `at` of `text`.
    ///
    /// # Errors
    /// If matching takes too many steps.
    fn find_at(&self, text: &str, at: usize) -> Result<Option<Groups>, String>;

    /// The named groups, with their numbers.
    fn names(&self) -> &[(String, usize)];
}

/// The byte ranges of the groups of a match; the first is the whole match. `None` for a group that
/// did not participate.
pub type Groups = Vec<Option<Range<usize>>>;

/// The implementation that a crate of the program registers.
#[derive(Clone, Copy)]
pub struct Provided(pub &'static dyn Languages);

impl fmt::Debug for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provided")
    }
}

inventory::collect!(Provided);

static LANGUAGES: OnceLock<Option<Provided>> = OnceLock::new();

/// The implementation of this process.
///
/// # Errors
/// If the program contains none.
pub fn languages() -> Result<&'static dyn Languages, &'static str> {
    let linked = || inventory::iter::<Provided>.into_iter().next().copied();
    let provided = *LANGUAGES.get_or_init(linked);
    provided.map(|Provided(languages)| languages).ok_or(
        "this program evaluates no expressions; link the crate `ferrowire-languages` into it",
    )
}

/// Sets the implementation, before any use: that of the host, in a plugin library.
#[doc(hidden)]
pub fn provide(languages: &'static dyn Languages) {
    let _already = LANGUAGES.set(Some(Provided(languages)));
}

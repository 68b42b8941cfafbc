//! `Rule`: one line of the node's dialog.

use std::borrow::Cow;
use std::cmp::Ordering;

use ferrowire::expression::javascript;
use ferrowire::expression::regexp::{self, RegExp};
use ferrowire::expression::{Jsonata, TypedValue};
use ferrowire::sequence::Parts;
use ferrowire::{Message, NodeConfig, NodeContext, NodeError, Value};

/// The input of a rule.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) property: Option<&'a Value>,
    pub(crate) previous: Option<&'a Value>,
    pub(crate) parts: Option<Parts<'a>>,
    pub(crate) msg: &'a Message,
    pub(crate) cx: &'a NodeContext,
}

/// A rule, read and checked.
#[derive(Debug)]
pub(crate) enum Rule {
    /// `==`, or `!=`.
    Equal(Operand, bool),
    Ordered(Order, Operand),
    Between(Operand, Operand),
    Contains(Operand),
    Matches(Pattern),
    Exactly(bool),
    /// `undefined` or `null`; with `false`, neither of them.
    Nothing(bool),
    Empty(bool),
    Type(String),
    HasKey(Operand),
    Head(Operand),
    Tail(Operand),
    Index(Operand, Operand),
    /// An expression whose result is `true`.
    Expression(Jsonata),
    /// A constant of another type that is `true`.
    Is(Operand),
    Else,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Order::Less => order.is_lt(),
            Order::LessOrEqual => order.is_le(),
            Order::Greater => order.is_gt(),
            Order::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// The operand of a rule.
#[derive(Debug)]
pub(crate) enum Operand {
    Typed(TypedValue),
    /// The property of the previous message.
    Previous,
}

impl Operand {
    /// The value; `undefined` if it cannot be read.
    ///
    /// # Errors
    /// If an expression fails.
    fn evaluate<'a>(&'a self, input: &Input<'a>) -> Result<Option<Cow<'a, Value>>, NodeError> {
        match self {
            Operand::Typed(value) => look_up(value, input.msg, input.cx),
            Operand::Previous => Ok(input.previous.map(Cow::Borrowed)),
        }
    }

    fn number(&self, input: &Input<'_>) -> Result<f64, NodeError> {
        Ok(javascript::number(self.evaluate(input)?.as_deref()))
    }
}

/// The value for `msg`; `undefined` if it cannot be read.
///
/// # Errors
/// If an expression fails.
pub(crate) fn look_up<'a>(
    value: &'a TypedValue,
    msg: &'a Message,
    cx: &NodeContext,
) -> Result<Option<Cow<'a, Value>>, NodeError> {
    match value.look_up(msg, cx) {
        Err(error) if matches!(value, TypedValue::Jsonata(_)) => Err(error),
        found => Ok(found.unwrap_or(None)),
    }
}

#[derive(Debug)]
pub(crate) enum Pattern {
    Fixed(RegExp),
    Evaluated { source: Operand, ignore_case: bool },
}

impl Pattern {
    fn matches(&self, text: &str, input: &Input<'_>) -> Result<bool, NodeError> {
        match self {
            Pattern::Fixed(regexp) => Ok(regexp.is_match(text)?),
            Pattern::Evaluated { source, ignore_case } => {
                let source = source.evaluate(input)?;
                let source = source.as_deref().map(|source| javascript::text_ref(Some(source)));
                let regexp = regexp::compile_with(&source.unwrap_or_default(), *ignore_case)?;
                Ok(regexp.is_match(text)?)
            }
        }
    }
}

impl Rule {
    pub(crate) fn is_else(&self) -> bool {
        matches!(self, Rule::Else)
    }

    /// Whether the rule depends on the length of a sequence.
    pub(crate) fn needs_count(&self) -> bool {
        matches!(self, Rule::Tail(_))
    }

    pub(crate) fn uses_previous(&self) -> bool {
        let is_previous = |operand: &Operand| matches!(operand, Operand::Previous);
        match self {
            Rule::Equal(a, _)
            | Rule::Ordered(_, a)
            | Rule::Contains(a)
            | Rule::HasKey(a)
            | Rule::Head(a)
            | Rule::Tail(a)
            | Rule::Is(a)
            | Rule::Matches(Pattern::Evaluated { source: a, .. }) => is_previous(a),
            Rule::Between(a, b) | Rule::Index(a, b) => is_previous(a) || is_previous(b),
            _ => false,
        }
    }

    /// Whether the message takes this output. `is_else`: no earlier rule matched.
    ///
    /// # Errors
    /// If an expression fails, or a rule for sequences gets a message without `msg.parts`.
    pub(crate) fn matches(&self, input: &Input<'_>, is_else: bool) -> Result<bool, NodeError> {
        let property = input.property;
        let compare = |operand: &Operand| {
            let value = operand.evaluate(input)?;
            Ok::<_, NodeError>(javascript::compare(property, value.as_deref()))
        };
        let parts = |rule: &str| {
            let text = format!(
                "the rule `{rule}` expected a message of a sequence, `msg.parts` is missing"
            );
            input.parts.ok_or_else(|| NodeError::new(text))
        };
        Ok(match self {
            Rule::Equal(operand, equal) => {
                let value = operand.evaluate(input)?;
                javascript::loosely_equal(property, value.as_deref()) == *equal
            }
            Rule::Ordered(order, operand) => compare(operand)?.is_some_and(|o| order.accepts(o)),
            Rule::Between(a, b) => match (compare(a)?, compare(b)?) {
                (Some(a), Some(b)) => a.is_ge() && b.is_le() || a.is_le() && b.is_ge(),
                _ => false,
            },
            Rule::Contains(operand) => {
                let value = operand.evaluate(input)?;
                let text = javascript::text_ref(property);
                text.contains(&*javascript::text_ref(value.as_deref()))
            }
            Rule::Matches(pattern) => pattern.matches(&javascript::text_ref(property), input)?,
            Rule::Exactly(value) => property.and_then(Value::as_bool) == Some(*value),
            Rule::Nothing(nothing) => matches!(property, None | Some(Value::Null)) == *nothing,
            Rule::Empty(empty) => is_empty(property) == Some(*empty),
            Rule::Type(name) => is_type(property, name),
            Rule::HasKey(operand) => has_key(property, operand.evaluate(input)?.as_deref()),
            Rule::Head(count) => parts("head")?.index() < count.number(input)?,
            Rule::Tail(count) => {
                let parts = parts("tail")?;
                parts.count().unwrap_or(f64::NAN) - count.number(input)? <= parts.index()
            }
            Rule::Index(from, to) => {
                let index = parts("index")?.index();
                from.number(input)? <= index && index <= to.number(input)?
            }
            Rule::Expression(expression) => {
                let bindings = input.parts.map(|parts| {
                    let count = parts.count().map_or(Value::Null, Value::from);
                    [("I", parts.index().into()), ("N", count)]
                });
                let bindings = bindings.as_ref().map_or(&[][..], |bindings| &bindings[..]);
                let value = expression.evaluate_with(input.msg, bindings, input.cx)?;
                value == Some(Value::Bool(true))
            }
            Rule::Is(operand) => operand.evaluate(input)?.as_deref() == Some(&Value::Bool(true)),
            Rule::Else => is_else,
        })
    }
}

/// `None` for values that have no length.
fn is_empty(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::String(text) => Some(text.is_empty()),
        Value::Buffer(bytes) => Some(bytes.is_empty()),
        Value::Array(items) => Some(items.is_empty()),
        Value::Object(map) => Some(map.is_empty()),
        // An object without properties.
        Value::Date(_) => Some(true),
        Value::Null | Value::Undefined | Value::Bool(_) | Value::Number(_) | Value::BigInt(_) => {
            None
        }
    }
}

fn is_type(value: Option<&Value>, name: &str) -> bool {
    match (name, value) {
        ("undefined", value) => value.is_none(),
        ("json", value) => Value::from_json(javascript::text(value).as_bytes()).is_ok(),
        (_, None) => false,
        ("number", Some(Value::Number(number))) => !number.is_nan(),
        ("object", Some(Value::Date(_))) => true,
        (name, Some(value)) => value.type_name() == name,
    }
}

fn has_key(value: Option<&Value>, key: Option<&Value>) -> bool {
    let key = match key {
        Some(
            Value::Null | Value::Date(_) | Value::Buffer(_) | Value::Array(_) | Value::Object(_),
        ) => return false,
        key => javascript::text(key),
    };
    let index = || key.parse::<usize>().ok().filter(|index| index.to_string() == key);
    let within = |length: usize| key == "length" || index().is_some_and(|index| index < length);
    match value {
        Some(Value::Object(map)) => map.contains_key(&key),
        Some(Value::Array(items)) => within(items.len()),
        Some(Value::String(text)) => within(text.encode_utf16().count()),
        Some(Value::Buffer(bytes)) => index().is_some_and(|index| index < bytes.len()),
        _ => false,
    }
}

/// The types that `istype` accepts.
const TYPES: [&str; 9] =
    ["array", "boolean", "buffer", "json", "null", "number", "object", "string", "undefined"];

impl Rule {
    /// Reads one rule; `None` after a problem.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Option<Self> {
        // `true` and `false` may be unquoted, which `text` accepts.
        let rule = config.text("t");
        let one = |config: &mut NodeConfig<'_>| operand(config, "v", "vt");
        let two = |config: &mut NodeConfig<'_>| Some((one(config)?, operand(config, "v2", "v2t")?));
        Some(match rule.as_str() {
            "eq" => Rule::Equal(one(config)?, true),
            "neq" => Rule::Equal(one(config)?, false),
            "lt" => Rule::Ordered(Order::Less, one(config)?),
            "lte" => Rule::Ordered(Order::LessOrEqual, one(config)?),
            "gt" => Rule::Ordered(Order::Greater, one(config)?),
            "gte" => Rule::Ordered(Order::GreaterOrEqual, one(config)?),
            "btwn" => two(config).map(|(a, b)| Rule::Between(a, b))?,
            "cont" => Rule::Contains(one(config)?),
            "regex" => Rule::Matches(pattern(config)?),
            "true" => Rule::Exactly(true),
            "false" => Rule::Exactly(false),
            "null" => Rule::Nothing(true),
            "nnull" => Rule::Nothing(false),
            "empty" => Rule::Empty(true),
            "nempty" => Rule::Empty(false),
            "istype" => Rule::Type(type_name(config)?),
            "hask" => Rule::HasKey(one(config)?),
            "head" => Rule::Head(one(config)?),
            "tail" => Rule::Tail(one(config)?),
            "index" => two(config).map(|(from, to)| Rule::Index(from, to))?,
            "else" => Rule::Else,
            "jsonata_exp" => match one(config)? {
                Operand::Typed(TypedValue::Jsonata(expression)) => Rule::Expression(expression),
                other => Rule::Is(other),
            },
            other => {
                let text = format!("invalid rule `{other}`; select one in the editor");
                config.problem("t", text);
                return None;
            }
        })
    }
}

fn operand(config: &mut NodeConfig<'_>, name: &str, kind: &str) -> Option<Operand> {
    if config.text(kind) == "prev" {
        return Some(Operand::Previous);
    }
    // Rules of old flows have no type.
    let number = javascript::number(config.raw(name).or(Some(&Value::from(""))));
    let default = if number.is_nan() { "str" } else { "num" };
    TypedValue::from_config(config, name, kind, default).map(Operand::Typed)
}

fn pattern(config: &mut NodeConfig<'_>) -> Option<Pattern> {
    let ignore_case = config.raw("case").is_some_and(Value::is_truthy);
    match operand(config, "v", "vt")? {
        Operand::Typed(TypedValue::Constant(source)) => {
            let source = javascript::text(Some(&source));
            let regexp = regexp::compile_with(&source, ignore_case);
            regexp.map(Pattern::Fixed).map_err(|text| config.problem("v", text)).ok()
        }
        source => Some(Pattern::Evaluated { source, ignore_case }),
    }
}

fn type_name(config: &mut NodeConfig<'_>) -> Option<String> {
    let name = match config.text("vt").as_str() {
        special @ ("json" | "null") => special.to_owned(),
        _ => config.text("v"),
    };
    if TYPES.contains(&name.as_str()) {
        return Some(name);
    }
    config.problem("v", format!("invalid type `{name}`, expected one of {}", TYPES.join(", ")));
    None
}

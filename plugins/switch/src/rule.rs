//! `Rule`: one line of the node's dialog.

use std::borrow::Cow;
use std::cmp::Ordering;

use ferrowire_core::regexp::{self, RegExp};
use ferrowire_core::{
    Jsonata, Map, Message, NodeConfig, NodeContext, NodeError, TypedValue, Value, javascript,
};

use crate::sequence::Parts;

/// What a rule is asked about.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) property: Option<&'a Value>,
    pub(crate) previous: Option<&'a Value>,
    pub(crate) parts: Option<Parts<'a>>,
    pub(crate) msg: &'a Message,
    pub(crate) cx: &'a NodeContext,
}

/// A rule, ready to be asked.
#[derive(Debug)]
pub(crate) enum Rule {
    /// `==`, or `!=`.
    Equal(Operand, bool),
    Ordered(Order, Operand),
    Between(Operand, Operand),
    Contains(Operand),
    Matches(Pattern),
    Exactly(bool),
    /// Neither undefined nor null, or one of them.
    Nothing(bool),
    Empty(bool),
    Type(String),
    HasKey(Operand),
    Head(Operand),
    Tail(Operand),
    Index(Operand, Operand),
    /// An expression that gives `true`.
    Expression(Jsonata),
    /// As `Expression`, of another type.
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

/// What a rule compares with.
#[derive(Debug)]
pub(crate) enum Operand {
    Typed(TypedValue),
    /// The property of the message before.
    Previous,
}

impl Operand {
    /// The value; what cannot be looked up is undefined.
    ///
    /// # Errors
    /// When an expression fails.
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

/// The value for `msg`; what cannot be looked up is undefined.
///
/// # Errors
/// When an expression fails.
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

    /// Whether it asks how long a sequence is.
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

    /// Whether the message takes this output; `is_else` says that none before did.
    pub(crate) fn matches(&self, input: &Input<'_>, is_else: bool) -> Result<bool, NodeError> {
        let property = input.property;
        let compare = |operand: &Operand| {
            let value = operand.evaluate(input)?;
            Ok::<_, NodeError>(javascript::compare(property, value.as_deref()))
        };
        let parts = |rule: &str| {
            let text =
                format!("rule `{rule}` needs a message of a sequence, `msg.parts` is missing");
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
            Rule::Head(count) => parts("head")?.index < count.number(input)?,
            Rule::Tail(count) => {
                let parts = parts("tail")?;
                parts.count.unwrap_or(f64::NAN) - count.number(input)? <= parts.index
            }
            Rule::Index(from, to) => {
                let index = parts("index")?.index;
                from.number(input)? <= index && index <= to.number(input)?
            }
            Rule::Expression(expression) => {
                let bindings = input.parts.map(|parts| {
                    let count = parts.count.map_or(Value::Null, Value::from);
                    [("I", parts.index.into()), ("N", count)]
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

/// `None` for what can neither be empty nor full.
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

/// A mistake: the part of the rule and what is wrong with it.
type Mistake = (&'static str, String);

impl Rule {
    /// The rule number `at`. Its mistake, if there is one, is reported to `config`.
    pub(crate) fn from_config(
        config: &mut NodeConfig<'_>,
        at: usize,
        rule: &Value,
    ) -> Option<Self> {
        let parsed = match rule.as_object() {
            Some(rule) => Rule::parse(&Fields(rule)),
            None => Err(("", "an object was expected".to_owned())),
        };
        let report = |(part, text): Mistake| {
            let dot = if part.is_empty() { "" } else { "." };
            config.problem(&format!("rules[{at}]{dot}{part}"), text);
        };
        parsed.map_err(report).ok()
    }

    fn parse(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let ordered = |order| Ok(Rule::Ordered(order, fields.first()?));
        match fields.rule()? {
            "eq" => Ok(Rule::Equal(fields.first()?, true)),
            "neq" => Ok(Rule::Equal(fields.first()?, false)),
            "lt" => ordered(Order::Less),
            "lte" => ordered(Order::LessOrEqual),
            "gt" => ordered(Order::Greater),
            "gte" => ordered(Order::GreaterOrEqual),
            "btwn" => Ok(Rule::Between(fields.first()?, fields.second()?)),
            "cont" => Ok(Rule::Contains(fields.first()?)),
            "regex" => fields.pattern().map(Rule::Matches),
            "true" => Ok(Rule::Exactly(true)),
            "false" => Ok(Rule::Exactly(false)),
            "null" => Ok(Rule::Nothing(true)),
            "nnull" => Ok(Rule::Nothing(false)),
            "empty" => Ok(Rule::Empty(true)),
            "nempty" => Ok(Rule::Empty(false)),
            "istype" => fields.type_name().map(Rule::Type),
            "hask" => Ok(Rule::HasKey(fields.first()?)),
            "head" => Ok(Rule::Head(fields.first()?)),
            "tail" => Ok(Rule::Tail(fields.first()?)),
            "index" => Ok(Rule::Index(fields.first()?, fields.second()?)),
            "else" => Ok(Rule::Else),
            "jsonata_exp" => Ok(match fields.first()? {
                Operand::Typed(TypedValue::Jsonata(expression)) => Rule::Expression(expression),
                other => Rule::Is(other),
            }),
            other => Err(("t", format!("`{other}` is no rule"))),
        }
    }
}

/// A rule as it stands in the flow file.
struct Fields<'a>(&'a Map);

impl Fields<'_> {
    fn text(&self, name: &'static str) -> Result<&str, Mistake> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => {
                Err((name, format!("a string was expected, found `{}`", other.to_json())))
            }
        }
    }

    /// The name of the rule; `true` and `false` may be written without quotes.
    fn rule(&self) -> Result<&str, Mistake> {
        match self.0.get("t") {
            Some(Value::Bool(true)) => Ok("true"),
            Some(Value::Bool(false)) => Ok("false"),
            _ => self.text("t"),
        }
    }

    fn first(&self) -> Result<Operand, Mistake> {
        self.operand("v", "vt")
    }

    fn second(&self) -> Result<Operand, Mistake> {
        self.operand("v2", "v2t")
    }

    fn operand(&self, name: &'static str, kind: &'static str) -> Result<Operand, Mistake> {
        let empty = Value::from("");
        let value = self.0.get(name).unwrap_or(&empty);
        let kind = match self.text(kind)? {
            "prev" => return Ok(Operand::Previous),
            // Rules without a type are older than types.
            "" if javascript::number(Some(value)).is_nan() => "str",
            "" => "num",
            kind => kind,
        };
        let typed = TypedValue::parse(value, kind).map_err(|error| (name, error.to_string()))?;
        Ok(Operand::Typed(typed))
    }

    fn pattern(&self) -> Result<Pattern, Mistake> {
        let ignore_case = self.0.get("case").is_some_and(Value::is_truthy);
        match self.first()? {
            Operand::Typed(TypedValue::Constant(source)) => {
                let source = javascript::text(Some(&source));
                let regexp = regexp::compile_with(&source, ignore_case);
                regexp.map(Pattern::Fixed).map_err(|text| ("v", text))
            }
            source => Ok(Pattern::Evaluated { source, ignore_case }),
        }
    }

    fn type_name(&self) -> Result<String, Mistake> {
        let name = match self.text("vt")? {
            special @ ("json" | "null") => special,
            _ => self.text("v")?,
        };
        match name {
            "array" | "boolean" | "buffer" | "json" | "null" | "number" | "object" | "string"
            | "undefined" => Ok(name.to_owned()),
            other => Err(("v", format!("`{other}` is no type"))),
        }
    }
}

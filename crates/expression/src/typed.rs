//! `TypedValue`: Node-RED's typed input, a `value` with its `type`, parsed once and evaluated for
//! each message.

use std::borrow::Cow;

use ferrowire_core::language::languages;
use ferrowire_core::number_to_string;
use ferrowire_core::{
    ContextKey, Date, Message, NodeConfig, NodeContext, NodeError, PropertyPath, Scope, Value,
};

use crate::javascript;

use crate::Jsonata;

/// A parsed typed input.
#[derive(Clone, Debug, PartialEq)]
pub enum TypedValue {
    /// `str`, `num`, `bool`, `json`, `bin`: a constant.
    Constant(Value),
    /// `msg`: a property of the message.
    Property(PropertyPath),
    /// `flow`, `global`: a value of a context.
    Context(ContextKey),
    /// `jsonata`: an expression over the message.
    Jsonata(Jsonata),
    /// `env`: the name of a variable, or a text with `${NAME}`.
    Env(String),
    /// `date` without a format: milliseconds since 1970.
    Now,
    /// `date` with the format `iso`: an ISO 8601 string.
    NowIso,
    /// `date` with the format `object`: a JavaScript `Date`.
    NowDate,
    /// `date` with a format such as `YYYY-MM-DD`, in the syntax of JSONata's `$moment`.
    NowAs(String),
}

/// Why a typed input is invalid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidTyped {
    /// A Node-RED type that is not supported.
    #[error("values of type `{0}` are not supported yet; choose another type")]
    Unsupported(String),
    /// A value that does not match its type.
    #[error("`{found}` is not {expected}{reason}")]
    Value {
        /// The configured value, shortened.
        found: String,
        /// What the type requires, with an article.
        expected: &'static str,
        /// A colon and the parser's reason, or empty.
        reason: String,
    },
    /// An invalid property expression.
    #[error(transparent)]
    Property(#[from] ferrowire_core::InvalidProperty),
    /// An invalid JSONata expression.
    #[error(transparent)]
    Jsonata(#[from] crate::InvalidJsonata),
}

impl TypedValue {
    /// Parses `value` as the type `kind`: `str`, `num`, `bool`, `json`, `bin`, `date`, `env`,
    /// `msg`, `flow`, `global` or `jsonata`. A value of another type is used unchanged.
    ///
    /// # Errors
    /// If `value` does not match its type, or `kind` is `re`, which messages cannot contain.
    pub fn parse(value: &Value, kind: &str) -> Result<Self, InvalidTyped> {
        Ok(match kind {
            "str" => TypedValue::Constant(match value {
                Value::String(_) => value.clone(),
                other => javascript_text(other).into_owned().into(),
            }),
            "num" => TypedValue::Constant(number(value)?.into()),
            "bool" => {
                TypedValue::Constant(javascript_text(value).eq_ignore_ascii_case("true").into())
            }
            "json" => TypedValue::Constant(json(value)?),
            "bin" => TypedValue::Constant(buffer(value)?),
            "date" => date(value)?,
            "env" => TypedValue::Env(javascript_text(value).into_owned()),
            "msg" => TypedValue::Property(PropertyPath::parse(&javascript_text(value))?),
            "flow" | "global" => {
                let scope = if kind == "flow" { Scope::Flow } else { Scope::Global };
                TypedValue::Context(ContextKey::parse(scope, &javascript_text(value))?)
            }
            "jsonata" => TypedValue::Jsonata(Jsonata::compile(&javascript_text(value))?),
            "re" => return Err(InvalidTyped::Unsupported(kind.to_owned())),
            // As in Node-RED, for example `string` and `none` in old files.
            _ => TypedValue::Constant(value.clone()),
        })
    }

    /// The value for `msg`; `None` stands for `undefined`, for example a missing property.
    ///
    /// # Errors
    /// If a property is read from a value that is missing.
    pub fn evaluate(&self, msg: &Message, cx: &NodeContext) -> Result<Option<Value>, NodeError> {
        Ok(self.look_up(msg, cx)?.map(Cow::into_owned))
    }

    /// Like [`evaluate`](Self::evaluate), borrowing constants and values of the message.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn look_up<'a>(
        &'a self,
        msg: &'a Message,
        cx: &NodeContext,
    ) -> Result<Option<Cow<'a, Value>>, NodeError> {
        Ok(Some(Cow::Owned(match self {
            TypedValue::Constant(value) => return Ok(Some(Cow::Borrowed(value))),
            TypedValue::Property(path) => {
                if let Some(value) = path.get(msg) {
                    return Ok(Some(Cow::Borrowed(value)));
                }
                let computed = path.read(msg).map_err(|error| NodeError::new(error.to_string()))?;
                return Ok(computed.map(Cow::Owned));
            }
            TypedValue::Context(key) => return Ok(key.get(msg, cx)?.map(Cow::Owned)),
            TypedValue::Jsonata(expression) => {
                return Ok(expression.evaluate(msg, cx)?.map(Cow::Owned));
            }
            TypedValue::Env(text) => environment(text, cx),
            TypedValue::Now => Date::now().millis().into(),
            TypedValue::NowIso => Date::now().to_iso().into(),
            TypedValue::NowDate => Date::now().into(),
            TypedValue::NowAs(format) => now_as(format).map_err(NodeError::new)?.into(),
        })))
    }
}

impl TypedValue {
    /// The typed input in the properties `value` and `kind` of a node. The type is `default` if
    /// `kind` is missing or empty. `None` after a problem, which is reported for `value`.
    pub fn from_config(
        config: &mut NodeConfig<'_>,
        value: &str,
        kind: &str,
        default: &str,
    ) -> Option<Self> {
        let kind = config.text_or(kind, default);
        let empty = Value::from("");
        let parsed = TypedValue::parse(config.raw(value).unwrap_or(&empty), &kind);
        parsed.map_err(|error| config.problem(value, error.to_string())).ok()
    }
}

/// `String(value)`, except that objects and arrays are printed as JSON.
fn javascript_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(number_to_string(*number)),
        other => Cow::Owned(other.to_json()),
    }
}

fn invalid(value: &Value, expected: &'static str, reason: impl ToString) -> InvalidTyped {
    let mut found: String = javascript_text(value).chars().take(41).collect();
    if found.chars().count() > 40 {
        found.pop();
        found.push('…');
    }
    let reason = Some(reason.to_string()).filter(|reason| !reason.is_empty());
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    InvalidTyped::Value { found, expected, reason }
}

/// `Number(value)`; NaN and values other than numbers, booleans and strings are invalid.
fn number(value: &Value) -> Result<f64, InvalidTyped> {
    let is_readable = matches!(value, Value::Number(_) | Value::Bool(_) | Value::String(_));
    let number = Some(javascript::number(Some(value))).filter(|number| !number.is_nan());
    number.filter(|_| is_readable).ok_or_else(|| invalid(value, "a number", ""))
}

fn json(value: &Value) -> Result<Value, InvalidTyped> {
    match value {
        Value::String(text) => {
            Value::from_json(text.as_bytes()).map_err(|error| invalid(value, "valid JSON", error))
        }
        // Already the right type in a hand-written flow file.
        other => Ok(other.clone()),
    }
}

fn buffer(value: &Value) -> Result<Value, InvalidTyped> {
    const EXPECTED: &str = "a buffer, written as a JSON array of bytes or a JSON string";
    match json(value).map_err(|_| invalid(value, EXPECTED, ""))? {
        Value::String(text) => Ok(Value::Buffer(text.to_bytes())),
        Value::Array(items) => {
            let byte = |item: &Value| item.as_f64().filter(|number| number.fract() == 0.0);
            let bytes: Option<Vec<u8>> =
                items.iter().map(|item| Some(byte(item)?.rem_euclid(256.0) as u8)).collect();
            bytes.map(Value::from).ok_or_else(|| invalid(value, EXPECTED, ""))
        }
        _ => Err(invalid(value, EXPECTED, "")),
    }
}

fn date(value: &Value) -> Result<TypedValue, InvalidTyped> {
    match javascript_text(value).as_ref() {
        "" | "null" => Ok(TypedValue::Now),
        "iso" => Ok(TypedValue::NowIso),
        "object" => Ok(TypedValue::NowDate),
        format => match now_as(format) {
            Ok(_) => Ok(TypedValue::NowAs(format.to_owned())),
            Err(reason) => Err(invalid(value, "a date format", reason)),
        },
    }
}

fn now_as(format: &str) -> Result<String, String> {
    languages()?.now_as(format)
}

/// `NAME`, `${NAME}`, or a text with `${NAME}` in it; an unset variable is empty.
fn environment(text: &str, cx: &NodeContext) -> Value {
    let empty = || Value::from("");
    let Some(first) = find_variable(text) else { return cx.env(text).unwrap_or_else(empty) };
    if first.before.is_empty() && first.after.is_empty() {
        return cx.env(first.name).unwrap_or_else(empty);
    }
    let (mut result, mut rest) = (String::new(), text);
    while let Some(found) = find_variable(rest) {
        result.push_str(found.before);
        if let Some(value) = cx.env(found.name) {
            result.push_str(&javascript_text(&value));
        }
        rest = found.after;
    }
    result.push_str(rest);
    result.into()
}

struct Variable<'a> {
    before: &'a str,
    name: &'a str,
    after: &'a str,
}

fn find_variable(text: &str) -> Option<Variable<'_>> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find("${")?;
        let inner = text.get(start + 2..)?;
        let end = inner.find('}')?;
        if end > 0 {
            let (before, name) = (text.get(..start)?, inner.get(..end)?);
            return Some(Variable { before, name, after: inner.get(end + 1..)? });
        }
        from = start + 2;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ferrowire_core::{NodeInfo, bus};
    use serde_json::json;

    fn parse(value: serde_json::Value, kind: &str) -> Result<TypedValue, String> {
        TypedValue::parse(&value.into(), kind).map_err(|error| error.to_string())
    }

    fn constant(value: serde_json::Value, kind: &str) -> Value {
        match parse(value, kind) {
            Ok(TypedValue::Constant(value)) => value,
            other => panic!("{other:?}"),
        }
    }

    #[derive(Default)]
    struct Environment(ferrowire_core::ContextStores);

    impl bus::Services for Environment {
        fn status(&self, _: &std::sync::Arc<NodeInfo>, _: ferrowire_core::Status) {}
        fn log(&self, _: &NodeInfo, _: ferrowire_core::Level, _: std::fmt::Arguments<'_>) {}
        fn publish(&self, _: &std::sync::Arc<NodeInfo>, _: &'static str, _: Value) {}
        fn env(&self, _: &NodeInfo, name: &str) -> Option<Value> {
            match name {
                "WHO" => Some("Joe".into()),
                "N" => Some(5.into()),
                _ => None,
            }
        }
        fn resource(
            &self,
            _: std::any::TypeId,
        ) -> Option<std::sync::Arc<dyn std::any::Any + Send + Sync>> {
            None
        }
        fn addressed(&self, _: &str) -> Option<std::sync::Arc<bus::RunningNode>> {
            None
        }
        fn find_linked(&self, _: &NodeInfo, name: &str) -> Result<String, NodeError> {
            Err(name.into())
        }
        fn contexts(&self) -> &ferrowire_core::ContextStores {
            &self.0
        }
        fn parent_flow(&self, flow: &str) -> Option<String> {
            (flow == "inner").then(|| "outer".to_owned())
        }
        fn failed(&self, _: &std::sync::Arc<NodeInfo>, _: &NodeError, _: bool) {}
    }

    struct Idle;
    impl ferrowire_core::Node for Idle {}

    /// A node in the flow `flow` that does nothing, with its own contexts.
    pub(crate) fn idle_node(flow: &str) -> std::sync::Arc<bus::RunningNode> {
        let info = NodeInfo { flow: flow.to_owned(), ..NodeInfo::default() };
        let node = ferrowire_core::BuiltNode::Shared(Box::new(Idle));
        bus::RunningNode::new(info, node, std::sync::Arc::new(Environment::default()))
    }

    fn evaluate(value: &TypedValue, msg: &Message) -> Result<Option<Value>, NodeError> {
        value.evaluate(msg, idle_node("").context())
    }

    #[test]
    fn values_of_contexts_are_found_by_path_and_around_subflows() {
        let services = std::sync::Arc::new(Environment::default());
        let node = |flow: &str| {
            let info = NodeInfo { flow: flow.to_owned(), ..NodeInfo::default() };
            let idle = ferrowire_core::BuiltNode::Shared(Box::new(Idle));
            bus::RunningNode::new(info, idle, std::sync::Arc::clone(&services) as _)
        };
        let (inner, outer) = (node("inner"), node("outer"));
        let msg = Message::with_payload("b");
        let set = |cx: &NodeContext, key: &str, value: &str| {
            let key = ContextKey::parse(Scope::Flow, key).unwrap();
            key.set(&msg, cx, Some(value.into())).unwrap();
        };
        set(outer.context(), "a[msg.payload]", "far");
        set(inner.context(), "$parent.near", "near");
        for (key, kind, cx, expected) in [
            ("a.b", "flow", outer.context(), Some("far")),
            ("near", "flow", outer.context(), Some("near")),
            ("$parent.a.b", "flow", inner.context(), Some("far")),
            ("a.b", "flow", inner.context(), None),
            ("$parent.a.b", "flow", outer.context(), None),
            ("a.b", "global", outer.context(), None),
        ] {
            let value = parse(json!(key), kind).unwrap().evaluate(&msg, cx).unwrap();
            assert_eq!(value, expected.map(Value::from), "{kind}.{key}");
        }
        let nowhere = parse(json!("a"), "flow").unwrap().evaluate(&msg, node("").context());
        assert!(nowhere.unwrap_err().to_string().contains("no flow context"));
    }

    #[test]
    fn constants_are_read_as_javascript_reads_them() {
        assert_eq!(constant(json!("10"), "str"), Value::from("10"));
        assert_eq!(constant(json!(10), "str"), Value::from("10"));
        for (text, number) in [("10", 10.0), ("", 0.0), (" 1e3 ", 1000.0), ("0x1F", 31.0)] {
            assert_eq!(constant(json!(text), "num"), Value::from(number), "{text}");
        }
        for (value, expected) in [(json!("TRUE"), true), (json!(true), true), (json!("1"), false)] {
            assert_eq!(constant(value, "bool"), Value::from(expected));
        }
        assert_eq!(constant(json!(r#"{"a":[1]}"#), "json"), json!({"a": [1]}).into());
        assert_eq!(constant(json!("[1,256,-1]"), "bin"), Value::from(vec![1u8, 0, 255]));
        assert_eq!(constant(json!("\"hé\""), "bin"), Value::from("hé".as_bytes().to_vec()));
    }

    #[test]
    fn a_value_of_an_unknown_type_is_taken_as_it_stands() {
        for kind in ["string", "none", "cred", "node", "?"] {
            assert_eq!(constant(json!("hello"), kind), Value::from("hello"), "{kind}");
            assert_eq!(constant(json!(""), kind), Value::from(""), "{kind}");
            assert_eq!(constant(json!(5), kind), Value::from(5), "{kind}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_its_type_is_named_with_what_was_expected() {
        let error = |value, kind| parse(value, kind).unwrap_err();
        assert_eq!(error(json!("ten"), "num"), "`ten` is not a number");
        assert_eq!(error(json!("nan"), "num"), "`nan` is not a number");
        assert!(error(json!("{"), "json").starts_with("`{` is not valid JSON: EOF while"));
        assert!(error(json!("5"), "bin").starts_with("`5` is not a buffer"));
        assert!(
            error(json!("Y".repeat(5000)), "date")
                .contains("is not a date format: expected a format of")
        );
        assert!(error(json!("a b"), "msg").contains("invalid property expression"));
        assert!(error(json!("x"), "re").contains("not supported yet"));
        assert!(error(json!("é".repeat(100)), "num").len() < 120);
    }

    #[test]
    fn a_property_of_the_message_may_be_undefined_but_not_unreachable() {
        let msg = Message::with_payload("text");
        let length = parse(json!("payload.length"), "msg").unwrap();
        assert_eq!(evaluate(&length, &msg).unwrap(), Some(4.into()));
        assert_eq!(evaluate(&parse(json!("a"), "msg").unwrap(), &msg).unwrap(), None);
        assert!(evaluate(&parse(json!("a.b"), "msg").unwrap(), &msg).is_err());
    }

    #[test]
    fn variables_stand_alone_or_inside_a_text() {
        for (text, expected) in [
            ("WHO", Value::from("Joe")),
            ("${WHO}", "Joe".into()),
            ("N", 5.into()),
            ("${N}", 5.into()),
            ("Hello ${WHO} ${N}${NONE}!", "Hello Joe 5!".into()),
            ("${WHO}${N}", "Joe5".into()),
            ("NONE", "".into()),
            ("a ${} b ${", "".into()),
        ] {
            let value = parse(json!(text), "env").unwrap();
            assert_eq!(evaluate(&value, &Message::new()).unwrap(), Some(expected), "{text}");
        }
    }

    #[test]
    fn dates_are_milliseconds_texts_or_dates() {
        let msg = Message::new();
        let now = evaluate(&parse(json!(""), "date").unwrap(), &msg).unwrap();
        assert!(now.and_then(|now| now.as_f64()).unwrap() > 1.6e12);
        let now = evaluate(&parse(json!("iso"), "date").unwrap(), &msg).unwrap().unwrap();
        let text = now.as_str().unwrap();
        assert_eq!((text.len(), text.get(10..11), text.get(23..)), (24, Some("T"), Some("Z")));
        let now = evaluate(&parse(json!("object"), "date").unwrap(), &msg).unwrap().unwrap();
        assert!(now.as_date().unwrap().millis() > 1.6e12);
        let day = parse(json!("[on the] Do, x"), "date").unwrap();
        let day = evaluate(&day, &msg).unwrap().unwrap();
        let (day, millis) = day.as_str().unwrap().split_once(", ").unwrap();
        assert!(day.starts_with("on the ") && millis.parse::<f64>().unwrap() > 1.6e12, "{day}");
    }

    #[test]
    fn a_typed_input_in_a_configuration_reports_its_problem_there() {
        let properties = serde_json::from_str(r#"{"v":"x","vt":"num","w":"payload"}"#).unwrap();
        let mut config = NodeConfig::new(NodeInfo::default(), properties, &|_| None);
        assert_eq!(TypedValue::from_config(&mut config, "v", "vt", "str"), None);
        assert!(matches!(
            TypedValue::from_config(&mut config, "w", "wt", "msg"),
            Some(TypedValue::Property(_))
        ));
        assert_eq!(
            TypedValue::from_config(&mut config, "none", "nt", "str"),
            Some(TypedValue::Constant("".into()))
        );
        let problems = config.take_problems();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].property, "v");
    }
}

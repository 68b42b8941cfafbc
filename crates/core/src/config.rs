//! `NodeConfig`: a node's properties as the editor writes them, read strictly and once.
//!
//! Node-RED's dialogs store `"true"`, `"10"` and `""` for a boolean, a number and nothing. The
//! readers here accept both forms and collect every problem, so that all are reported at once; the
//! engine adds flow, node and name.

use serde::de::DeserializeOwned;

use crate::{InvalidProperty, Map, NodeInfo, PropertyPath, Value, javascript};

/// A node that can be built from its configuration.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be built from a flow file",
    note = "write `impl FromConfig for {Self} {{ fn from_config(config: &mut NodeConfig<'_>) -> Self {{ … }} }}`"
)]
pub trait FromConfig: Sized {
    /// Builds the node. Must be pure and not touch files, sockets, tasks or clocks, so that
    /// `ferrowire check` has no side effects. Problems are reported to `config`, which returns
    /// defaults instead; a node with a problem is never started.
    fn from_config(config: &mut NodeConfig<'_>) -> Self;
}

/// A problem with one property of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The property's name in the flow file.
    pub property: String,
    /// The problem, in lower case and without a full stop.
    pub text: String,
}

/// Looks up the properties of another node by its id.
pub type FindNode<'a> = &'a dyn Fn(&str) -> Option<Map>;

/// The properties of one node, with environment variables substituted.
pub struct NodeConfig<'a> {
    info: NodeInfo,
    properties: Map,
    find: FindNode<'a>,
    problems: Vec<ConfigProblem>,
}

impl<'a> NodeConfig<'a> {
    /// The configuration of the node `info`; `find` looks up the nodes that it refers to.
    pub fn new(info: NodeInfo, properties: Map, find: FindNode<'a>) -> Self {
        NodeConfig { info, properties, find, problems: Vec::new() }
    }

    /// The node's identity.
    pub fn info(&self) -> &NodeInfo {
        &self.info
    }

    /// All properties as in the flow file.
    pub fn properties(&self) -> &Map {
        &self.properties
    }

    /// The property `name` as in the flow file; `None` if missing or `null`.
    pub fn raw(&self, name: &str) -> Option<&Value> {
        self.properties.get(name).filter(|value| !matches!(value, Value::Null))
    }

    /// Reports a problem with `property`.
    pub fn problem(&mut self, property: &str, text: impl Into<String>) {
        self.problems.push(ConfigProblem { property: property.to_owned(), text: text.into() });
    }

    /// Takes the problems found so far.
    pub fn take_problems(&mut self) -> Vec<ConfigProblem> {
        std::mem::take(&mut self.problems)
    }

    fn wrong_type(&mut self, name: &str, expected: &str) {
        let found = self.properties.get(name).map_or_else(String::new, shorten);
        self.problem(name, format!("expected {expected}, found `{found}`"));
    }

    /// A string; a number or boolean is converted, a missing property is `""`.
    pub fn text(&mut self, name: &str) -> String {
        match self.raw(name) {
            None => String::new(),
            Some(Value::String(text)) => text.as_str().to_owned(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_json(),
            Some(_) => {
                self.wrong_type(name, "a string");
                String::new()
            }
        }
    }

    /// Like [`text`](Self::text), with `default` for a missing or empty one.
    pub fn text_or(&mut self, name: &str, default: &str) -> String {
        let text = self.text(name);
        if text.is_empty() { default.to_owned() } else { text }
    }

    /// `true` or `false`, also as a string; `default` if missing or empty.
    pub fn boolean(&mut self, name: &str, default: bool) -> bool {
        let text = match self.raw(name) {
            None => return default,
            Some(Value::Bool(value)) => return *value,
            Some(Value::String(text)) => text.as_str(),
            Some(_) => "?",
        };
        match text.trim() {
            "" => default,
            "true" => true,
            "false" => false,
            _ => {
                self.wrong_type(name, "`true` or `false`");
                default
            }
        }
    }

    /// A finite number, also as a string in the syntax of JavaScript's `Number`: `0x10` is 16.
    /// `None` if missing or empty.
    pub fn number(&mut self, name: &str) -> Option<f64> {
        let number = match self.raw(name)? {
            Value::String(text) if text.trim().is_empty() => return None,
            value @ (Value::Number(_) | Value::String(_)) => Some(javascript::number(Some(value))),
            _ => None,
        };
        let number = number.filter(|number| number.is_finite());
        if number.is_none() {
            self.wrong_type(name, "a number");
        }
        number
    }

    /// A number within `range`; `None` if missing or empty.
    pub fn number_in(&mut self, name: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        let number = self.number(name)?;
        if !range.contains(&number) {
            let (from, to) = range.into_inner();
            self.problem(name, format!("{number} is not between {from} and {to}"));
            return None;
        }
        Some(number)
    }

    /// A property expression such as `payload.list[0]`; `default` if missing or empty.
    pub fn property_path(&mut self, name: &str, default: &str) -> Option<PropertyPath> {
        let expression = self.text_or(name, default);
        self.parsed(name, PropertyPath::parse(&expression))
    }

    fn parsed(
        &mut self,
        name: &str,
        parsed: Result<PropertyPath, InvalidProperty>,
    ) -> Option<PropertyPath> {
        parsed.map_err(|error| self.problem(name, error.to_string())).ok()
    }

    /// The elements of the list in property `name`, such as a node's rules, in order. `read` gets a
    /// configuration for each element; its problems name the element, such as `rules[2].to`.
    /// Elements for which it returns `None` are left out. A missing list is empty.
    pub fn list<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut NodeConfig<'_>) -> Option<T>,
    ) -> Vec<T> {
        let list = match self.raw(name) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list.to_vec(),
            Some(_) => {
                self.wrong_type(name, "a list");
                return Vec::new();
            }
        };
        let mut read_one = |(at, element): (usize, Value)| match element {
            Value::Object(properties) => {
                self.element(&format!("{name}[{at}]"), (*properties).clone(), &mut read)
            }
            _ => {
                self.problem(&format!("{name}[{at}]"), "expected an object");
                None
            }
        };
        list.into_iter().enumerate().filter_map(&mut read_one).collect()
    }

    /// Reads `properties` as one element at `place`: a problem with `to` becomes a problem with
    /// `place.to`. For elements that old flows keep elsewhere; otherwise use [`list`](Self::list).
    pub fn element<T>(
        &mut self,
        place: &str,
        properties: Map,
        read: impl FnOnce(&mut NodeConfig<'_>) -> T,
    ) -> T {
        let mut element = NodeConfig::new(self.info.clone(), properties, self.find);
        let result = read(&mut element);
        for ConfigProblem { property, text } in element.problems {
            let dot = if property.is_empty() { "" } else { "." };
            self.problem(&format!("{place}{dot}{property}"), text);
        }
        result
    }

    /// The properties of the configuration node whose id is in property `name`.
    pub fn referenced(&self, name: &str) -> Option<Map> {
        (self.find)(self.raw(name)?.as_str()?)
    }

    /// The properties of the node `id`.
    pub fn find(&self, id: &str) -> Option<Map> {
        (self.find)(id)
    }

    /// All properties as a type that implements `Deserialize`; for plugins whose properties are
    /// strict JSON.
    pub fn deserialize<T: DeserializeOwned + Default>(&mut self) -> T {
        match serde_json::from_str(&crate::print::to_json(&self.properties)) {
            Ok(config) => config,
            Err(error) => {
                self.problem("", error.to_string());
                T::default()
            }
        }
    }
}

impl std::fmt::Debug for NodeConfig<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeConfig").field("info", &self.info).finish_non_exhaustive()
    }
}

fn shorten(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> NodeConfig<'static> {
        let properties = serde_json::from_str(json).unwrap();
        NodeConfig::new(NodeInfo::default(), properties, &|_| None)
    }

    #[test]
    fn the_editors_strings_are_read_as_what_they_mean() {
        let mut config = config(r#"{"a":"true","b":"10","c":"","d":5,"e":false}"#);
        assert!(config.boolean("a", false));
        assert_eq!(config.number("b"), Some(10.0));
        assert_eq!(config.number("c"), None);
        assert_eq!(config.text("d"), "5");
        assert!(!config.boolean("e", true));
        assert!(config.boolean("missing", true));
        assert!(config.take_problems().is_empty());
    }

    #[test]
    fn numbers_in_texts_are_read_as_javascript_reads_them() {
        let mut config = config(r#"{"a":"0x10","b":" +1e3 ","c":"Infinity","d":"5px","e":true}"#);
        assert_eq!((config.number("a"), config.number("b")), (Some(16.0), Some(1000.0)));
        for name in ["c", "d", "e"] {
            assert_eq!(config.number(name), None, "{name}");
        }
        assert_eq!(config.take_problems().len(), 3);
    }

    #[test]
    fn problems_in_a_list_name_the_element() {
        let mut config = config(r#"{"rules":[{"n":"1"},{"n":"x"},5,{"l":[{"n":[]}]}],"other":{}}"#);
        let read = |rule: &mut NodeConfig<'_>| {
            rule.list("l", |inner| inner.number("n"));
            rule.number("n")
        };
        assert_eq!(config.list("rules", read), [1.0]);
        assert!(config.list("other", read).is_empty() && config.list("missing", read).is_empty());
        let places: Vec<_> = config.take_problems().into_iter().map(|it| it.property).collect();
        assert_eq!(places, ["rules[1].n", "rules[2]", "rules[3].l[0].n", "other"]);
    }

    #[test]
    fn every_problem_is_collected() {
        let mut config = config(r#"{"a":"yes","b":"ten","c":[1]}"#);
        config.boolean("a", false);
        config.number("b");
        config.text("c");
        let texts: Vec<_> =
            config.take_problems().into_iter().map(|p| (p.property, p.text)).collect();
        assert_eq!(
            texts,
            [
                ("a".into(), "expected `true` or `false`, found `yes`".into()),
                ("b".into(), "expected a number, found `ten`".into()),
                ("c".into(), "expected a string, found `[1]`".into()),
            ]
        );
    }
}

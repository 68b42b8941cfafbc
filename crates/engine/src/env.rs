//! Environment variables: the values of `${NAME}` in the properties of a node.
//!
//! A name is looked up in the node's group, the groups around it, the tab, the global
//! configuration, and the environment of the process. The first that has the name counts.

mod host;
mod value;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferrowire_core::{Key, Map, NodeInfo, Value};

use crate::env::value::{CannotEvaluate, evaluate, expression, is_env, reference_of};
use crate::flow_file::text;
use crate::model::{Entry, GLOBAL_CONFIG, Model, Object, Standing};
use crate::{Environment, Problem};

/// The variables of a tab, a group, an instance, or of all flows. A variable without a value hides
/// variables with the same name further out.
#[derive(Debug, Default)]
struct VariableScope {
    parent: Option<usize>,
    /// Node-RED's own names, such as `NR_FLOW_ID`.
    own: OwnVariables,
    variables: HashMap<String, Option<Value>>,
}

type OwnVariables = Vec<(&'static str, Option<Value>)>;

/// All scopes of a flow file. The first one is the scope of all flows.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    scopes: Vec<VariableScope>,
    by_id: HashMap<String, usize>,
    /// The scope that each node is in.
    of_node: HashMap<String, usize>,
    /// For each instance of a subflow, the flow that it is on.
    flow_around: HashMap<String, String>,
    process: Environment,
}

impl Scopes {
    pub(crate) fn new(model: &Model, process: &Environment, problems: &mut Vec<Problem>) -> Self {
        let mut scopes = Scopes { process: process.clone(), ..Scopes::default() };
        scopes.add_global(model, problems);
        for &at in &model.tabs {
            let tab = &model.file.nodes()[at];
            let own = vec![
                ("NR_FLOW_NAME", tab.get("label").cloned()),
                ("NR_FLOW_ID", tab.get("id").cloned()),
            ];
            scopes.add(model, at, Some(0), own, problems);
        }
        let mut inside: HashMap<&str, Vec<usize>> = HashMap::new();
        for &at in &model.groups {
            let flow = text(&model.file.nodes()[at], "z");
            match model.node(flow) {
                Some(_) => inside.entry(flow).or_default().push(at),
                None => scopes.add_group_and_outer(model, at, problems),
            }
        }
        for entry in model.instances() {
            scopes.add_instance(model, entry, problems);
            for &at in inside.get(entry.id.as_str()).into_iter().flatten() {
                scopes.add_group_and_outer(model, at, problems);
            }
        }
        for entry in &model.nodes {
            let scope = scopes.scope_of(model, entry);
            scopes.of_node.insert(entry.id.clone(), scope);
        }
        scopes
    }

    fn add_global(&mut self, model: &Model, problems: &mut Vec<Problem>) {
        let own = vec![("NR_FLOW_NAME", None), ("NR_FLOW_ID", None)];
        self.scopes.push(VariableScope { own, ..VariableScope::default() });
        let settings = model.nodes.iter().filter(|entry| entry.node_type == GLOBAL_CONFIG);
        for entry in settings.filter(|entry| entry.standing == Standing::Settings) {
            self.evaluate_into(0, model, entry.at, problems);
        }
    }

    fn add(
        &mut self,
        model: &Model,
        at: usize,
        parent: Option<usize>,
        own: OwnVariables,
        problems: &mut Vec<Problem>,
    ) {
        let scope = self.scopes.len();
        self.scopes.push(VariableScope { parent, own, variables: HashMap::new() });
        self.by_id.insert(text(&model.file.nodes()[at], "id").to_owned(), scope);
        self.evaluate_into(scope, model, at, problems);
    }

    /// Adds the scope of an instance of a subflow. The scopes around it have been added before.
    fn add_instance(&mut self, model: &Model, entry: &Entry, problems: &mut Vec<Problem>) {
        let name = model.object(entry).get("name").filter(|name| name.is_truthy()).cloned();
        let id = Some(Value::from(entry.id.as_str()));
        let path = Some(Value::from(model.path(&entry.id)));
        let own = vec![
            ("NR_SUBFLOW_NAME", name.clone()),
            ("NR_SUBFLOW_ID", id.clone()),
            ("NR_SUBFLOW_PATH", path.clone()),
            ("NR_NODE_NAME", name),
            ("NR_NODE_ID", id),
            ("NR_NODE_PATH", path),
        ];
        let parent = self.scope_of(model, entry);
        self.flow_around.insert(entry.id.clone(), entry.flow.clone());
        self.add(model, entry.at, Some(parent), own, problems);
    }

    /// Adds the scope of a group, after those of the groups that contain it.
    fn add_group_and_outer(&mut self, model: &Model, at: usize, problems: &mut Vec<Problem>) {
        let (mut chain, mut seen) = (Vec::new(), HashSet::new());
        let mut next = Some(&*model.file.nodes()[at]);
        while let Some(group) = next.take() {
            let id = text(group, "id");
            if self.by_id.contains_key(id) {
                break;
            }
            if !seen.insert(id) {
                let text = "the group contains itself; remove it from one of its groups";
                problems.push(Problem::warning(model.place(at), "g", text));
                break;
            }
            chain.push(group);
            next = model.outer_group(group);
        }
        for group in chain.into_iter().rev() {
            let parent = model.outer_group(group).and_then(|g| self.by_id.get(text(g, "id")));
            let parent = parent.or_else(|| self.by_id.get(text(group, "z"))).copied().unwrap_or(0);
            let own = vec![
                ("NR_GROUP_NAME", group.get("name").cloned()),
                ("NR_GROUP_ID", group.get("id").cloned()),
            ];
            if let Some(Object::Structure(at)) = model.get(text(group, "id")) {
                self.add(model, at, Some(parent), own, problems);
            }
        }
    }

    fn scope_of(&self, model: &Model, entry: &Entry) -> usize {
        let group = model.outer_group(model.object(entry)).map(|group| text(group, "id"));
        let found = group.and_then(|group| self.by_id.get(group));
        found.or_else(|| self.by_id.get(&entry.flow)).copied().unwrap_or(0)
    }

    /// Evaluates the property `env` of the object at `at` in the file.
    fn evaluate_into(&mut self, scope: usize, model: &Model, at: usize, out: &mut Vec<Problem>) {
        let entries = model.file.nodes()[at].get("env").and_then(Value::as_array);
        let entries: Vec<&Map> =
            entries.unwrap_or_default().iter().filter_map(Value::as_object).collect();
        let (last, first): (Vec<&Map>, Vec<&Map>) = entries.into_iter().partition(|e| is_env(e));
        for entry in first {
            let value = match evaluate(entry) {
                _ if text(entry, "type") == "cred" => secret(model, at, text(entry, "name")),
                Ok(value) => value,
                Err(why) => {
                    out.push(cannot_evaluate(model, at, entry, &why));
                    None
                }
            };
            self.scopes[scope].variables.insert(text(entry, "name").to_owned(), value);
        }
        // These may refer to other variables of the list.
        for entry in last {
            let name = text(entry, "name");
            let value = if text(entry, "type") == "jsonata" {
                let (visible, process) = (self.visible(scope), self.process.clone());
                let find = move |name: &str| {
                    visible.get(name).cloned().or_else(|| process.get(name).map(Value::from))
                };
                let cx = host::context(Box::new(find));
                expression(entry, &cx).unwrap_or_else(|why| {
                    out.push(cannot_evaluate(model, at, entry, &why));
                    None
                })
            } else {
                Some(self.evaluate_reference(scope, name, text(entry, "value")))
            };
            self.scopes[scope].variables.insert(name.to_owned(), value);
        }
    }

    /// All variables that can be read in a scope, except those of the process.
    fn visible(&self, scope: usize) -> HashMap<String, Value> {
        let mut visible = HashMap::new();
        let mut at = Some(scope);
        while let Some(scope) = at.and_then(|at| self.scopes.get(at)) {
            let own = scope.own.iter().map(|(name, value)| (*name, value));
            let variables = scope.variables.iter().map(|(name, value)| (name.as_str(), value));
            for (name, value) in own.chain(variables) {
                visible.entry(name.to_owned()).or_insert_with(|| value.clone());
            }
            at = scope.parent;
        }
        visible.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn evaluate_reference(&self, scope: usize, name: &str, reference: &str) -> Value {
        let parent = format!("$parent.{name}");
        let reference = if reference == name { &parent } else { reference };
        self.expand(reference, |name| self.lookup(scope, name))
    }

    /// The value of a property of the type `env`: a name, or a text with any number of `${NAME}`.
    fn expand(&self, text: &str, lookup: impl Fn(&str) -> Option<Value>) -> Value {
        if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
            && !name.contains('}')
        {
            return lookup(name).unwrap_or_else(|| "".into());
        }
        if !text.contains("${") {
            return lookup(text).unwrap_or_else(|| "".into());
        }
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else { break };
            expanded.push_str(before);
            match lookup(name) {
                Some(Value::String(text)) => expanded.push_str(&text),
                Some(value) => expanded.push_str(&value.to_json()),
                None => {}
            }
            rest = after;
        }
        expanded.push_str(rest);
        expanded.into()
    }

    fn lookup(&self, scope: usize, name: &str) -> Option<Value> {
        let (mut name, mut at) = (name, Some(scope));
        while let Some(scope) = at.and_then(|at| self.scopes.get(at)) {
            if let Some((_, value)) = scope.own.iter().find(|(own, _)| *own == name) {
                return value.clone();
            }
            match name.strip_prefix("$parent.") {
                Some(outer) => name = outer,
                None => {
                    if let Some(value) = scope.variables.get(name) {
                        return value.clone();
                    }
                }
            }
            at = scope.parent;
        }
        self.process.get(name).map(Value::from)
    }

    /// The flow that the instance `flow` of a subflow is on.
    pub(crate) fn parent_flow(&self, flow: &str) -> Option<String> {
        self.flow_around.get(flow).cloned()
    }

    /// The value of the variable `name` for the node.
    pub(crate) fn get(&self, node: &NodeInfo, name: &str) -> Option<Value> {
        match name {
            "NR_NODE_ID" => Some(node.id.as_str().into()),
            "NR_NODE_NAME" => Some(node.name.as_str().into()),
            "NR_NODE_PATH" => {
                let flow = if node.path.is_empty() { "global" } else { &node.path };
                let id = if node.alias.is_empty() { &node.id } else { &node.alias };
                Some(format!("{flow}/{id}").into())
            }
            _ => self.lookup(self.of_node.get(&node.id).copied().unwrap_or(0), name),
        }
    }

    /// The properties of the node with each `${NAME}` replaced by its value. Without references, they
    /// stay shared.
    pub(crate) fn substitute(
        &self,
        model: &Model,
        entry: &Entry,
        properties: Arc<Map>,
    ) -> Arc<Map> {
        let is_replaced = |key: &str| !matches!(key, "id" | "type" | "z" | "g" | "wires");
        let refers =
            |(key, value): (&Key, &Value)| is_replaced(key.as_str()) && has_reference(value);
        if !properties.iter().any(refers) {
            return properties;
        }
        let mut info = model.info(entry, text(&properties, "name"));
        if let Some(name) = reference_of(&info.name).and_then(|name| self.get(&info, name)) {
            info.name = as_name(&name);
        }
        let mut replaced = Map::with_capacity(properties.len());
        for (key, value) in properties.iter() {
            let mut value = value.clone();
            if is_replaced(key.as_str()) {
                self.replace(&info, &mut value);
            }
            replaced.insert(key.clone(), value);
        }
        Arc::new(replaced)
    }

    /// Replaces references within `value`. The recursion is bounded, because the JSON parser bounds
    /// the nesting.
    fn replace(&self, node: &NodeInfo, value: &mut Value) {
        match value {
            Value::String(text) => {
                let found = reference_of(text).and_then(|name| self.get(node, name));
                if let Some(found) = found {
                    *value = found;
                }
            }
            Value::Array(_) => {
                let items = value.as_array_mut().into_iter().flatten();
                items.for_each(|item| self.replace(node, item));
            }
            Value::Object(_) => {
                let items = value.as_object_mut().into_iter().flat_map(Map::values_mut);
                items.for_each(|item| self.replace(node, item));
            }
            _ => {}
        }
    }
}

/// The info of a node whose properties became `replaced`.
pub(crate) fn info_of(model: &Model, entry: &Entry, replaced: &Map) -> NodeInfo {
    let has_name = matches!(model.object(entry).get("name"), Some(Value::String(_)));
    let name = replaced.get("name").filter(|_| has_name).map(as_name);
    model.info(entry, &name.unwrap_or_default())
}

fn as_name(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

/// Whether a value is or contains a reference to a variable. Bounded as [`Scopes::replace`] is.
fn has_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => reference_of(text).is_some(),
        Value::Array(items) => items.iter().any(has_reference),
        Value::Object(map) => map.iter().any(|(_, value)| has_reference(value)),
        _ => false,
    }
}

fn cannot_evaluate(model: &Model, at: usize, entry: &Map, why: &CannotEvaluate) -> Problem {
    let text = format!("variable `{}`: {}", text(entry, "name"), why.0);
    Problem::warning(model.place(at), "env", text)
}

/// The value of a variable of the type `cred`, which is among the credentials.
fn secret(model: &Model, at: usize, name: &str) -> Option<Value> {
    let object = &model.file.nodes()[at];
    let of = |id: &str| model.credentials_of(id);
    match text(object, "type") {
        GLOBAL_CONFIG => of(text(object, "id"))?.get("map")?.get(name).cloned(),
        // An instance also has the credentials of its definition.
        _ => {
            let own = of(text(object, "id")).and_then(|credentials| credentials.get(name));
            own.or_else(|| of(text(object, "subflow"))?.get(name)).cloned()
        }
    }
}

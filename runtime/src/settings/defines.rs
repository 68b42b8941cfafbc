//! `-D NAME=VALUE` and `-D @FILE`: values of settings by their names, or by Node-RED's.

use std::fs;

use ferrowire_core::{Map, PropertyPath, SettingKind, SettingRecord, SettingRegistry, Value};

/// Node-RED's names of settings that are in milliseconds there and in seconds here. Those of plugins are among
/// them, whose records have no such names.
const MILLISECONDS: [(&str, &str); 4] = [
    ("httpRequestTimeout", "http-request-timeout"),
    ("mqttReconnectTime", "mqtt-reconnect-time"),
    ("socketReconnectTime", "tcp-reconnect-time"),
    ("socketTimeout", "tcp-idle-timeout"),
];

/// The values that `-D` gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defines {
    /// As in Node-RED's settings: `-D runtimeState.enabled=true` is an object in an object.
    values: Map,
    /// The names that arguments give a value, which other users of the machine can see.
    visible: Vec<String>,
    mistakes: Vec<String>,
}

impl Defines {
    /// Reads the arguments of `-D` in their order: a later one replaces an earlier one.
    pub(crate) fn read<'a>(arguments: impl IntoIterator<Item = &'a String>) -> Self {
        let mut defines = Defines::default();
        for argument in arguments {
            if let Err(reason) = defines.add(argument) {
                defines.mistakes.push(format!("`-D {argument}`: {reason}"));
            }
        }
        defines
    }

    fn add(&mut self, argument: &str) -> Result<(), String> {
        if let Some(path) = argument.strip_prefix('@') {
            let text =
                fs::read_to_string(path).map_err(|error| format!("cannot read it: {error}"))?;
            let values: Map = serde_json::from_str(&text)
                .map_err(|error| format!("expected a file with a JSON object: {error}"))?;
            return values.iter().try_for_each(|(name, value)| self.set(name, value.clone()));
        }
        let (name, text) = argument
            .split_once('=')
            .filter(|(name, text)| !name.is_empty() && !text.is_empty())
            .ok_or("expected `NAME=VALUE`, or `@FILE` with a JSON object")?;
        self.visible.push(name.to_owned());
        // As in Node-RED, a value that is not JSON is a text.
        self.set(name, serde_json::from_str(text).unwrap_or_else(|_| text.into()))
    }

    fn set(&mut self, name: &str, value: Value) -> Result<(), String> {
        let path = PropertyPath::parse_key(name).map_err(|error| error.to_string())?;
        path.set_in(&mut self.values, value).map_err(|_| format!("cannot set `{name}`"))
    }

    /// The value of a setting, and the name by which it is given. `in_file` is the value of the
    /// settings file: the members of a table are added to it.
    pub(crate) fn find(
        &self,
        record: &SettingRecord,
        in_file: Option<&toml::Value>,
    ) -> Option<(&'static str, toml::Value)> {
        let (name, value) = names(record).find_map(|name| Some((name, self.get(name)?)))?;
        let mut value = to_toml(value)?;
        value = in_our_unit(name, value);
        if let (SettingKind::Table, Some(in_file)) = (record.kind, in_file) {
            value = added(in_file.clone(), value);
        }
        Some((name, value))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        PropertyPath::parse_key(name).ok()?.get_in(&self.values)
    }

    /// The mistakes in the arguments themselves, apart from the values.
    pub(crate) fn mistakes(&self, registry: &SettingRegistry) -> Vec<String> {
        let mut mistakes = self.mistakes.clone();
        check_names(&self.values, "", registry, &mut mistakes);
        for record in registry.iter().filter(|record| record.kind == SettingKind::Secret) {
            let visible = names(record).find(|name| self.visible.iter().any(|it| it == name));
            mistakes.extend(visible.map(|name| {
                let variable = record.variable();
                format!(
                    "`-D {name}`: other users can see the arguments of a process; set \
                     `{variable}`, or give a file with `-D @FILE`"
                )
            }));
        }
        mistakes
    }
}

/// A value that is given by this name, in the unit that the setting has here.
pub(crate) fn in_our_unit(name: &str, value: toml::Value) -> toml::Value {
    match MILLISECONDS.iter().any(|(known, _)| *known == name) {
        true => seconds(value),
        false => value,
    }
}

/// The setting that has this name in Node-RED.
#[cfg(feature = "migrate")]
pub(crate) fn of_node_red<'a>(
    name: &str,
    registry: &'a SettingRegistry,
) -> Option<&'a SettingRecord> {
    let is_named = |record: &&SettingRecord| names(record).skip(1).any(|known| known == name);
    registry.iter().find(is_named)
}

/// The names that `-D` accepts for a setting, its own first.
fn names(record: &SettingRecord) -> impl Iterator<Item = &'static str> + use<> {
    let setting = record.name;
    let milliseconds =
        MILLISECONDS.into_iter().filter(move |(_, counterpart)| *counterpart == setting);
    let all = [setting, record.node_red.key].into_iter().chain(milliseconds.map(|(key, _)| key));
    all.filter(|name| !name.is_empty())
}

/// The number of seconds, if the value is one of milliseconds; its check refuses anything else.
fn seconds(value: toml::Value) -> toml::Value {
    let milliseconds =
        value.as_float().or_else(|| value.as_integer().map(|integer| integer as f64));
    milliseconds.map_or(value, |milliseconds| toml::Value::Float(milliseconds / 1_000.0))
}

/// Reports the values that belong to no setting, and those that no settings file could have.
fn check_names(values: &Map, below: &str, registry: &SettingRegistry, mistakes: &mut Vec<String>) {
    for (key, value) in values.iter() {
        let name = if below.is_empty() { key.to_string() } else { format!("{below}.{key}") };
        let is_known = registry.iter().any(|record| names(record).any(|known| known == name));
        match value {
            _ if is_known && to_toml(value).is_none() => {
                mistakes.push(format!("`-D {name}`: expected a value other than `null`"));
            }
            _ if is_known => {}
            Value::Object(inside) if !inside.is_empty() => {
                check_names(inside, &name, registry, mistakes);
            }
            _ => {
                let advice = super::advice(&name, registry);
                mistakes.push(format!("`-D {name}` is not a setting; {advice}"));
            }
        }
    }
}

/// `None` if there is a `null` in it, which TOML lacks.
fn to_toml(value: &Value) -> Option<toml::Value> {
    let json: serde_json::Value = serde_json::from_str(&value.to_json()).ok()?;
    if has_null(&json) {
        return None;
    }
    toml::Value::try_from(json).ok()
}

fn has_null(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Null => true,
        serde_json::Value::Array(items) => items.iter().any(has_null),
        serde_json::Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

/// `table` with the members of `more`, which replace those of the same name.
fn added(table: toml::Value, more: toml::Value) -> toml::Value {
    match (table, more) {
        (toml::Value::Table(mut table), toml::Value::Table(more)) => {
            for (key, value) in more {
                let value = match table.remove(&key) {
                    Some(old) => added(old, value),
                    None => value,
                };
                table.insert(key, value);
            }
            toml::Value::Table(table)
        }
        (_, more) => more,
    }
}

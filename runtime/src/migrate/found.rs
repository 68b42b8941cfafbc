//! `Found`: a value of `settings.js`, with what is no data in it.

use std::path::PathBuf;

use serde::Deserialize;

/// A value of the settings.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Found {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Found>),
    /// The members in their order.
    Object(Vec<(String, Found)>),
    Function,
    /// Of a module that is not evaluated, or a module of Node.js.
    Module(String),
    /// Described by an article and a noun.
    Other(String),
}

/// A file that the settings read, and its content.
pub(super) type ReadFile = (PathBuf, String);

impl Found {
    /// The members of an object.
    pub(super) fn members(&self) -> Option<&[(String, Found)]> {
        match self {
            Found::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member of an object; `None` also if it is `null` or `undefined`.
    pub(super) fn get(&self, name: &str) -> Option<&Found> {
        let (_, value) = self.members()?.iter().find(|(key, _)| key == name)?;
        (*value != Found::Null).then_some(value)
    }

    /// The text, if it is one that has characters.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Found::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        match self {
            Found::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether nothing is said by it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Found::Null => true,
            Found::Object(members) => members.iter().all(|(_, value)| value.is_empty()),
            Found::List(items) => items.is_empty(),
            _ => false,
        }
    }

    /// What it is, for those who cannot use it.
    pub(super) fn describe(&self) -> String {
        match self {
            Found::Null => "nothing".to_owned(),
            Found::Bool(value) => format!("`{value}`"),
            Found::Number(_) => "a number".to_owned(),
            Found::Text(_) => "a text".to_owned(),
            Found::List(_) => "a list".to_owned(),
            Found::Object(_) => "an object".to_owned(),
            Found::Function => "a function".to_owned(),
            Found::Module(name) => format!("what the module `{name}` makes"),
            Found::Other(what) => what.clone(),
        }
    }

    /// The value in a file of settings, without members that are `null`.
    ///
    /// # Errors
    /// If there is something in it that is no data; says what.
    pub(super) fn to_toml(&self) -> Result<toml::Value, String> {
        Ok(match self {
            Found::Bool(value) => (*value).into(),
            Found::Number(value) => number(*value),
            Found::Text(text) => text.as_str().into(),
            Found::List(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(Found::to_toml).collect();
                toml::Value::Array(items?)
            }
            Found::Object(members) => {
                let members = members.iter().filter(|(_, value)| *value != Found::Null);
                let table: Result<toml::Table, String> =
                    members.map(|(key, value)| Ok((key.clone(), value.to_toml()?))).collect();
                toml::Value::Table(table?)
            }
            other => return Err(format!("{} cannot be written into a file", other.describe())),
        })
    }
}

/// Whole numbers are integers in TOML.
fn number(value: f64) -> toml::Value {
    /// Larger ones may not be exact.
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    match value.fract() == 0.0 && value.abs() <= LARGEST {
        true => toml::Value::Integer(value as i64),
        false => toml::Value::Float(value),
    }
}

//! The setting `function-global-context`: what the global context begins with, like Node-RED's
//! `functionGlobalContext`.

use ferrowire_core::{ContextPlace, ContextStores, Map, PropertyPath, Value};

/// The values in the table.
///
/// # Errors
/// If it is not a table, or a name is not a key of a context; messages call it `origin`.
pub(crate) fn read(table: &toml::Value, origin: &str) -> Result<Map, Vec<String>> {
    let Some(table) = table.as_table() else {
        return Err(vec![format!("{origin}: expected a table of values")]);
    };
    let invalid = |name: &&String| PropertyPath::parse_key(name).is_err();
    let mistakes: Vec<String> = table
        .keys()
        .filter(invalid)
        .map(|name| format!("{origin}: invalid name `{name}` of a value in a context"))
        .collect();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(table.iter().map(|(name, value)| (name.as_str(), plain(value))).collect())
}

/// The value as flows know it; a date stays its text.
fn plain(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number as f64).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(value) => (*value).into(),
        toml::Value::Datetime(date) => date.to_string().as_str().into(),
        toml::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().into(),
        toml::Value::Table(table) => {
            table.iter().map(|(name, value)| (name.as_str(), plain(value))).collect::<Map>().into()
        }
    }
}

/// Sets the values in the default store, except those that it has kept from earlier.
pub(crate) fn set(values: &Map, stores: &ContextStores) {
    let store = stores.names().next().and_then(|name| stores.store(name));
    let (Some(store), place) = (store, ContextPlace::Global.text()) else { return };
    for (name, value) in values.iter() {
        let Ok(path) = PropertyPath::parse_key(name) else { continue };
        if store.get(&place, &path).is_none()
            && store.set(&place, &path, Some(value.clone())).is_err()
        {
            // A kept value on the path is neither an object nor an array: it goes first.
            tracing::warn!("`{name}` of `function-global-context` does not fit the kept values");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Vec<String>> {
        let value = toml::Value::Table(text.parse().unwrap_or_default());
        super::read(&value, "`setting`").map(|values| Value::from(values).to_json())
    }

    #[test]
    fn values_are_those_of_the_table() {
        let text = "a = [1, 'x', 2.5]\nb = { c = true }\nd = 2026-01-02";
        let expected = r#"{"a":[1,"x",2.5],"b":{"c":true},"d":"2026-01-02"}"#;
        assert_eq!(read(text), Ok(expected.to_owned()));
    }

    #[test]
    fn every_mistake_is_named() {
        let mistakes = read("'a[' = 1\n'' = 2\nb = 3").unwrap_err();
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(
            mistakes.iter().all(|it| it.starts_with("`setting`: invalid name")),
            "{mistakes:?}"
        );
        let mistakes = super::read(&toml::Value::Integer(5), "`setting`").unwrap_err();
        assert_eq!(mistakes, ["`setting`: expected a table of values"]);
    }
}

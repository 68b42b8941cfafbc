//! Query strings and forms with nested names, parsed like Express's `qs`.
//!
//! `a=1&a=2` and `a[]=1&a[]=2` create arrays, `a[b][c]=1` nested objects.

use ferrowire::{Map, Value};

/// Further parameters are ignored.
const MOST: usize = 1000;
/// A deeper name is not split and keeps its brackets.
const DEEPEST: usize = 5;
/// A larger index creates an object instead of an array.
const LARGEST_INDEX: usize = 20;

/// The parameters of a query string or form.
pub(crate) fn parse(text: &[u8]) -> Map {
    let mut all = Map::new();
    for (name, value) in form_urlencoded::parse(text).take(MOST) {
        insert(&mut all, &name, value.into_owned().into());
    }
    let mut value = Value::from(all);
    arrays(&mut value);
    match value {
        Value::Object(map) => map.as_ref().clone(),
        _ => Map::new(),
    }
}

/// Adds a field, as `parse` does for each field.
pub(crate) fn add(fields: &mut Map, name: &str, value: Value) {
    insert(fields, name, value);
    for value in fields.values_mut() {
        arrays(value);
    }
}

fn insert(all: &mut Map, name: &str, value: Value) {
    let names = split(name);
    // Names with a special meaning in JavaScript.
    if names.iter().any(|name| matches!(*name, "__proto__" | "constructor" | "prototype")) {
        return;
    }
    let Some((first, rest)) = names.split_first() else { return };
    if first.is_empty() {
        return;
    }
    put(all, first, rest, value);
}

/// `a[b][]` as `a`, `b` and an empty name.
fn split(name: &str) -> Vec<&str> {
    let Some(start) = name.find('[').filter(|at| *at > 0) else { return vec![name] };
    let (first, mut rest) = name.split_at_checked(start).unwrap_or((name, ""));
    let mut names = vec![first];
    while let Some(inner) = rest.strip_prefix('[') {
        let Some(end) = inner.find(']') else { break };
        if names.len() > DEEPEST {
            break;
        }
        names.push(inner.get(..end).unwrap_or_default());
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    match names.len() {
        1 => vec![name],
        _ => {
            if !rest.is_empty() && rest.starts_with('[') {
                names.push(rest);
            }
            names
        }
    }
}

fn put(map: &mut Map, name: &str, rest: &[&str], value: Value) {
    let index;
    let name = if name.is_empty() {
        index = map.len().to_string();
        index.as_str()
    } else {
        name
    };
    match rest.split_first() {
        None => match map.get_mut(name) {
            None => {
                map.insert(name, value);
            }
            Some(Value::Array(items)) => std::sync::Arc::make_mut(items).push(value),
            Some(first) => *first = Value::from(vec![std::mem::take(first), value]),
        },
        Some((next, rest)) => {
            let inner = map.get_or_insert_with(name, || Map::new().into());
            if let Value::Array(items) = inner {
                let keyed = items.iter().cloned().enumerate();
                *inner = keyed.map(|(at, it)| (at.to_string(), it)).collect::<Map>().into();
            }
            if !matches!(inner, Value::Object(_)) {
                *inner = Map::from_iter([("0", std::mem::take(inner))]).into();
            }
            if let Some(inner) = inner.as_object_mut() {
                put(inner, next, rest, value);
            }
        }
    }
}

/// Turns objects whose names are small indices into arrays, except at the top.
fn arrays(value: &mut Value) {
    fn walk(value: &mut Value, top: bool) {
        let Some(map) = value.as_object_mut() else { return };
        for inner in map.values_mut() {
            walk(inner, false);
        }
        let is_index = |key: &str| key.parse::<usize>().is_ok_and(|index| index <= LARGEST_INDEX);
        if !top && !map.is_empty() && map.keys().all(|key| is_index(key)) {
            let items: Vec<Value> = std::mem::take(map).into_iter().map(|(_, it)| it).collect();
            *value = items.into();
        }
    }
    walk(value, true);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        Value::from(parse(text.as_bytes())).to_json()
    }

    #[test]
    fn names_nest_as_in_express() {
        for (text, expected) in [
            ("", "{}"),
            ("a=1&b=x+y%20z&c", r#"{"a":"1","b":"x y z","c":""}"#),
            ("a=1&a=2&a=3", r#"{"a":["1","2","3"]}"#),
            ("a[]=1&a[]=2", r#"{"a":["1","2"]}"#),
            ("a[1]=y&a[0]=x", r#"{"a":["x","y"]}"#),
            ("a[b][c]=1&a[b][d]=2", r#"{"a":{"b":{"c":"1","d":"2"}}}"#),
            ("a[99]=x", r#"{"a":{"99":"x"}}"#),
            ("0=x", r#"{"0":"x"}"#),
            ("[a]=1&a[b=2", r#"{"[a]":"1","a[b":"2"}"#),
            ("a[b][c][d][e][f][g]=1", r#"{"a":{"b":{"c":{"d":{"e":{"f":{"[g]":"1"}}}}}}}"#),
            ("__proto__[x]=1&=2", "{}"),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
    }

    #[test]
    fn too_many_parameters_are_left_out() {
        let text: String = (0..2000).map(|at| format!("p{at}=1&")).collect();
        assert_eq!(parse(text.as_bytes()).len(), MOST);
    }
}

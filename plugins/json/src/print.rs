//! Indented JSON, as `JSON.stringify(value, null, 4)` prints it.

use ferrowire::{Key, MAX_JSON, Map, Unprintable, Value};

const INDENT: &str = "    ";

/// Deeper levels are printed on one line.
const DEPTH: usize = 128;

/// # Errors
/// As `Value::stringify`.
pub(crate) fn pretty(value: &Value) -> Result<String, Unprintable> {
    let mut out = String::new();
    print(value, 1, &mut out)?;
    Ok(out)
}

fn print(value: &Value, depth: usize, out: &mut String) -> Result<(), Unprintable> {
    if out.len() > MAX_JSON {
        return Err(Unprintable::TooLong);
    }
    match value {
        Value::Array(items) if !items.is_empty() && depth < DEPTH => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                new_line(at > 0, depth, out);
                print(item, depth + 1, out)?;
            }
            new_line(false, depth - 1, out);
            out.push(']');
        }
        Value::Object(map) if depth < DEPTH && properties(map).next().is_some() => {
            out.push('{');
            for (at, (key, value)) in properties(map).enumerate() {
                new_line(at > 0, depth, out);
                out.push_str(&Value::from(key.as_str()).to_json());
                out.push_str(": ");
                print(value, depth + 1, out)?;
            }
            new_line(false, depth - 1, out);
            out.push('}');
        }
        Value::Buffer(bytes) if depth < DEPTH => {
            let data = bytes.iter().map(|byte| Value::from(u32::from(*byte))).collect::<Vec<_>>();
            let object = Map::from_iter([("type", Value::from("Buffer")), ("data", data.into())]);
            print(&object.into(), depth, out)?;
        }
        Value::Undefined => out.push_str("null"),
        other => out.push_str(&other.stringify()?.unwrap_or_default()),
    }
    Ok(())
}

fn properties(map: &Map) -> impl Iterator<Item = (&Key, &Value)> {
    map.iter().filter(|(_, value)| !value.is_undefined())
}

fn new_line(comma: bool, depth: usize, out: &mut String) {
    if comma {
        out.push(',');
    }
    out.push('\n');
    for _ in 0..depth {
        out.push_str(INDENT);
    }
}

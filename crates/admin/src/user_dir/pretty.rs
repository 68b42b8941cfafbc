//! JSON with line breaks, as Node-RED writes its files: `JSON.stringify(value, null, 4)`.

use ferrowire_core::Value;

/// The value as indented JSON.
pub(crate) fn print(value: &Value) -> String {
    let mut out = String::new();
    print_into(value, 0, &mut out);
    out
}

/// The depth of the recursion is bounded: the parser limits how deep values are nested.
fn print_into(value: &Value, level: usize, out: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                next_line(at > 0, level + 1, out);
                print_into(item, level + 1, out);
            }
            next_line(false, level, out);
            out.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                next_line(at > 0, level + 1, out);
                out.push_str(&Value::from(key.as_str()).to_json());
                out.push_str(": ");
                print_into(value, level + 1, out);
            }
            next_line(false, level, out);
            out.push('}');
        }
        other => out.push_str(&other.to_json()),
    }
}

fn next_line(comma: bool, level: usize, out: &mut String) {
    if comma {
        out.push(',');
    }
    out.push('\n');
    out.extend(std::iter::repeat_n("    ", level));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_look_as_node_red_writes_them() {
        let json = r#"[{"id":"a","x":1.0,"wires":[["b","c"],[]],"e":{},"t":"\"\n"}]"#;
        let value = Value::from_json(json.as_bytes()).unwrap();
        let expected = "[\n    {\n        \"id\": \"a\",\n        \"x\": 1,\n        \"wires\": [\n            \
                        [\n                \"b\",\n                \"c\"\n            ],\n            []\n        ],\n        \
                        \"e\": {},\n        \"t\": \"\\\"\\n\"\n    }\n]";
        assert_eq!(print(&value), expected);
    }
}

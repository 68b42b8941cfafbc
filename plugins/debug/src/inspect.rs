//! Formats values like Node.js's `util.inspect`.
//!
//! There are two differences: long arrays are not arranged in columns, and long strings are not
//! broken into lines.

use ferrowire::{Map, Value, number_to_string};

/// The maximum length of an object on a single line.
const LINE: usize = 80;

/// The maximum number of nested levels on a single line.
const LEVELS_IN_LINE: usize = 3;

/// The maximum number of array elements shown.
const ITEMS: usize = 100;

/// The maximum number of bytes shown.
const BYTES: usize = 50;

/// The maximum number of characters shown.
const CHARACTERS: usize = 10_000;

/// Formats `value`, with `depth` levels below the first; `None` is `undefined`.
pub(crate) fn inspect(value: Option<&Value>, depth: usize) -> String {
    let Some(value) = value else { return "undefined".to_owned() };
    Inspector { depth, indent: 0, deepest: 0 }.value(value, 0)
}

struct Inspector {
    depth: usize,
    indent: usize,
    /// The level of the last object.
    deepest: usize,
}

impl Inspector {
    fn value(&mut self, value: &Value, level: usize) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Undefined => "undefined".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) if *number == 0.0 && number.is_sign_negative() => "-0".to_owned(),
            Value::Number(number) => number_to_string(*number),
            Value::BigInt(number) => format!("{number}n"),
            Value::Date(date) => date.to_iso().unwrap_or_else(|| "Invalid Date".to_owned()),
            Value::String(text) => quoted(text),
            Value::Buffer(bytes) => buffer(bytes),
            Value::Array(items) if items.is_empty() => "[]".to_owned(),
            Value::Array(_) if level > self.depth => "[Array]".to_owned(),
            Value::Array(items) => self.array(items, level),
            Value::Object(map) if map.is_empty() => "{}".to_owned(),
            Value::Object(_) if level > self.depth => "[Object]".to_owned(),
            Value::Object(map) => self.object(map, level),
        }
    }

    fn array(&mut self, items: &[Value], level: usize) -> String {
        self.deepest = level;
        let mut parts = Vec::new();
        self.indent += 2;
        for item in items.iter().take(ITEMS) {
            parts.push(self.value(item, level + 1));
        }
        self.indent -= 2;
        if items.len() > ITEMS {
            parts.push(format!("... {}", more(items.len() - ITEMS, "item")));
        }
        self.join(&parts, ['[', ']'], level)
    }

    fn object(&mut self, map: &Map, level: usize) -> String {
        self.deepest = level;
        let mut parts = Vec::new();
        self.indent += 2;
        for (key, value) in map.iter() {
            let name = if is_identifier(key) { key.to_string() } else { quoted(key) };
            parts.push(format!("{name}: {}", self.value(value, level + 1)));
        }
        self.indent -= 2;
        self.join(&parts, ['{', '}'], level)
    }

    /// On one line if short and shallow, otherwise one part per line.
    fn join(&self, parts: &[String], [open, close]: [char; 2], level: usize) -> String {
        if self.deepest - level < LEVELS_IN_LINE {
            let length: usize = parts.iter().map(|part| part.encode_utf16().count()).sum();
            let length = length + 2 * parts.len() + self.indent + 11;
            if length <= LINE && !parts.iter().any(|part| part.contains('\n')) {
                return format!("{open} {} {close}", parts.join(", "));
            }
        }
        let line = format!("\n{}", " ".repeat(self.indent));
        format!("{open}{line}  {}{line}{close}", parts.join(&format!(",{line}  ")))
    }
}

fn more(count: usize, what: &str) -> String {
    format!("{count} more {what}{}", if count == 1 { "" } else { "s" })
}

fn is_identifier(key: &str) -> bool {
    let first = key.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn buffer(bytes: &[u8]) -> String {
    let mut text = "<Buffer".to_owned();
    for byte in bytes.iter().take(BYTES) {
        text.push_str(&format!(" {byte:02x}"));
    }
    if bytes.len() > BYTES {
        text.push_str(&format!(" ... {}", more(bytes.len() - BYTES, "byte")));
    }
    text + ">"
}

/// In single quotes, unless others need less escaping.
fn quoted(text: &str) -> String {
    let quote = match (text.contains('\''), text.contains('"')) {
        (false, _) => '\'',
        (true, false) => '"',
        (true, true) if !text.contains('`') && !text.contains("${") => '`',
        (true, true) => '\'',
    };
    let mut out = String::with_capacity(text.len().min(CHARACTERS) + 2);
    out.push(quote);
    for c in text.chars().take(CHARACTERS) {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 || ('\u{7f}'..='\u{9f}').contains(&c) => {
                out.push_str(&format!("\\x{:02X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    let left = text.chars().count().saturating_sub(CHARACTERS);
    if left > 0 {
        out.push_str(&format!("... {}", more(left, "character")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str, depth: usize) -> String {
        inspect(Some(&Value::from_json(json.as_bytes()).unwrap()), depth)
    }

    #[test]
    fn values_look_as_in_node() {
        assert_eq!(inspect(None, 2), "undefined");
        for (json, text) in [
            ("null", "null"),
            ("-0.0", "-0"),
            ("1e21", "1e+21"),
            ("\"it's\"", "\"it's\""),
            (r#""a\n\\'\"`""#, r#"'a\n\\\'"`'"#),
            ("\"\\u0001\"", "'\\x01'"),
            ("[]", "[]"),
            ("{}", "{}"),
            (r#"{"a":1,"b c":[true,"x"]}"#, "{ a: 1, 'b c': [ true, 'x' ] }"),
        ] {
            assert_eq!(shown(json, 2), text);
        }
        let bytes = Value::from(vec![0u8, 255]);
        assert_eq!(inspect(Some(&bytes), 2), "<Buffer 00 ff>");
    }

    #[test]
    fn levels_below_the_depth_are_named_only() {
        let json = r#"{"a":{"b":{"c":{"d":1},"l":[[]],"e":[1]}}}"#;
        assert_eq!(shown(json, 2), "{ a: { b: { c: [Object], l: [Array], e: [Array] } } }");
        assert_eq!(shown(json, 10), "{\n  a: { b: { c: { d: 1 }, l: [ [] ], e: [ 1 ] } }\n}");
        assert_eq!(shown(r#"{"a":{"b":1}}"#, 0), "{ a: [Object] }");
    }

    #[test]
    fn four_levels_do_not_share_a_line() {
        let json = r#"{"a":{"b":{"c":{}}}}"#;
        assert_eq!(shown(json, 5), "{ a: { b: { c: {} } } }");
        let json = r#"{"a":{"b":{"c":{"d":1}}}}"#;
        assert_eq!(shown(json, 5), "{\n  a: { b: { c: { d: 1 } } }\n}");
    }

    #[test]
    fn what_is_too_long_for_a_line_is_spread() {
        let json = format!(r#"{{"a":"{}","b":["{}"]}}"#, "x".repeat(40), "y".repeat(30));
        let text = format!("{{\n  a: '{}',\n  b: [ '{}' ]\n}}", "x".repeat(40), "y".repeat(30));
        assert_eq!(shown(&json, 2), text);
    }

    #[test]
    fn a_message_looks_as_in_node() {
        let json = r#"{"_msgid":"1","payload":{"list":[{"x":1,"y":[1,2]},{"x":2}],"s":"text"},
            "topic":"t"}"#;
        let text = "{
  _msgid: '1',
  payload: { list: [ { x: 1, y: [ 1, 2 ] }, { x: 2 } ], s: 'text' },
  topic: 't'
}";
        assert_eq!(shown(json, 10), text);
        let quotes = r#"["'", "'\"", "it's \"`${"]"#;
        assert_eq!(shown(quotes, 2), r#"[ "'", `'"`, 'it\'s "`${' ]"#);
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        let items = vec![Value::from(1); 102];
        assert!(inspect(Some(&items.into()), 2).ends_with("  ... 2 more items\n]"));
        let bytes = Value::from(vec![1u8; 51]);
        assert!(inspect(Some(&bytes), 2).ends_with(" 01 ... 1 more byte>"));
        let text = Value::from("é".repeat(10_001));
        assert!(inspect(Some(&text), 2).ends_with("é'... 1 more character"));
    }
}

//! The nodes `split` and `join`: a message becomes a sequence, and a sequence a message.

mod join;
mod split;

use ferrowire::{Editor, NodeConfig, NodeType, Value};

pub use join::Join;
pub use split::Split;

const EDITOR: Editor = Editor::NodeRed("sequence/17-split");

ferrowire::register!(
    NodeType::shared::<Split>("split")
        .summary("splits a message into a sequence of messages")
        .category("sequence")
        .editor(EDITOR),
    NodeType::shared::<Join>("join")
        .summary("joins a sequence of messages into one")
        .category("sequence")
        .editor(EDITOR),
);

/// A separator as the dialog shows it: with `\n`, `\r`, `\t`, `\e`, `\f` and `\0`.
fn unescape(text: &str) -> String {
    let marks = [
        ("\\n", "\n"),
        ("\\r", "\r"),
        ("\\t", "\t"),
        ("\\e", "\u{1b}"),
        ("\\f", "\u{c}"),
        ("\\0", "\0"),
    ];
    marks.iter().fold(text.to_owned(), |text, (mark, meaning)| text.replace(mark, meaning))
}

/// Bytes that are written as a JSON array of numbers.
fn bytes(config: &mut NodeConfig<'_>, name: &str, text: &str) -> Vec<u8> {
    let list = match Value::from_json(text.as_bytes()) {
        Ok(Value::Array(list)) => list,
        _ => {
            let text = format!("invalid bytes `{text}`, expected a JSON array such as `[13,10]`");
            config.problem(name, text);
            return Vec::new();
        }
    };
    let byte = |value: &Value| value.as_f64().map_or(0, |byte| byte.rem_euclid(256.0) as u8);
    list.iter().map(byte).collect()
}

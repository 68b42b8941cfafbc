//! `CommandLine`: the command of a node for one message.

use ferrowire::expression::javascript;
use ferrowire::{FromConfig, Message, NodeConfig, PropertyPath};

/// The properties that make up the command.
#[derive(Debug)]
pub(crate) struct CommandLine {
    command: String,
    /// The property that is appended.
    property: Option<PropertyPath>,
    append: String,
}

impl FromConfig for CommandLine {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        // Older nodes have a boolean, or nothing, which stands for `payload`.
        let property = match config.raw("addpay") {
            None => Some("payload".to_owned()),
            Some(value) if value.as_bool() == Some(true) => Some("payload".to_owned()),
            Some(value) => value.as_str().filter(|name| !name.is_empty()).map(str::to_owned),
        };
        let property = property.and_then(|name| {
            let path = PropertyPath::parse(&name);
            path.map_err(|error| config.problem("addpay", error.to_string())).ok()
        });
        CommandLine {
            command: config.text("command").trim().to_owned(),
            property,
            append: config.text("append").trim().to_owned(),
        }
    }
}

impl CommandLine {
    /// The line for `msg`.
    pub(crate) fn of(&self, msg: &Message) -> String {
        let mut line = self.command.clone();
        if let Some(value) = self.property.as_ref().and_then(|path| path.get(msg)) {
            line.extend([" ", javascript::text_ref(Some(value)).as_ref()]);
        }
        if !self.append.is_empty() {
            line.extend([" ", self.append.as_str()]);
        }
        line
    }
}

/// The words of a line, as spawn mode separates them: at white space outside of double quotes. A word
/// that is quoted as a whole loses its quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut is_quoted) = (String::new(), false);
    let last_quote = line.rfind('"');
    for (at, character) in line.char_indices() {
        match character {
            '"' if is_quoted || Some(at) < last_quote => {
                is_quoted = !is_quoted;
                word.push('"');
            }
            // As in Node-RED, a quote without its partner separates words.
            '"' => push(&mut words, &mut word),
            blank if blank.is_whitespace() && !is_quoted => push(&mut words, &mut word),
            other => word.push(other),
        }
    }
    push(&mut words, &mut word);
    words
}

fn push(words: &mut Vec<String>, word: &mut String) {
    let found = std::mem::take(word);
    if found.is_empty() {
        return;
    }
    let inner = found.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    words.push(inner.map_or_else(|| found.clone(), str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_outside_of_quotes() {
        for (line, expected) in [
            ("a  b", &["a", "b"][..]),
            (r#"echo "a b" c"#, &["echo", "a b", "c"]),
            (r#"--name="a b""#, &[r#"--name="a b""#]),
            (r#"a "b c"#, &["a", "b", "c"]),
            (r#""""#, &[""]),
            ("", &[]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn a_long_line_is_separated_in_linear_time() {
        let line = format!("echo {}\"", "x".repeat(4_000_000));
        assert_eq!(words(&line).len(), 2);
    }
}

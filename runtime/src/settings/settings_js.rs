//! Node-RED's `settings.js`: a program, which is not run. Its keys are found in the text, to name
//! the settings that they correspond to.

use std::path::Path;

use ferrowire_core::SettingRegistry;

/// The name of the file in a user directory.
pub(crate) const NAME: &str = "settings.js";

/// Whether a settings file is a program of Node-RED's.
pub(crate) fn is_program(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| matches!(ending, "js" | "cjs" | "mjs"))
}

/// Why the program is not used, what to do, and which of its keys are settings here.
pub(crate) fn refusal(path: &Path, text: &str, registry: &SettingRegistry) -> String {
    let mut refusal = format!(
        "`{}` is JavaScript, which is not run; write the settings into a TOML file, such as \
         `ferrowire.toml`, and name it with `--settings`{}",
        path.display(),
        advice()
    );
    let keys = keys(text);
    if !keys.is_empty() {
        refusal.push_str(". The keys of the file are");
    }
    for key in keys {
        let line = match counterparts(key, registry).as_slice() {
            [] => format!("\n  `{key}`: no setting"),
            names => format!("\n  `{key}`: `{}`", names.join("`, `")),
        };
        refusal.push_str(&line);
    }
    refusal
}

/// How to have it written.
const fn advice() -> &'static str {
    match cfg!(feature = "migrate") {
        true => "; `ferrowire migrate DIRECTORY` writes it for a user directory",
        false => "",
    }
}

/// The settings that a key or a part of its value corresponds to.
fn counterparts<'a>(key: &str, registry: &'a SettingRegistry) -> Vec<&'a str> {
    // One object in Node-RED, several settings here.
    if key == "https" {
        return vec!["tls-cert", "tls-key"];
    }
    let first = |known: &'a str| known.split('.').next().unwrap_or_default();
    let of_key = registry.iter().filter(|record| first(record.node_red.key) == key);
    of_key.map(|record| record.name).collect()
}

/// The lines of the keys that are written in the exported object.
#[cfg(feature = "migrate")]
pub(crate) fn lines(text: &str) -> std::collections::HashMap<&str, usize> {
    let (mut line, mut counted) = (1, 0);
    let mut lines = std::collections::HashMap::new();
    for key in keys(text) {
        // It is a part of the text.
        let offset = (key.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        line += text.get(counted..offset).map_or(0, |part| part.matches('\n').count());
        counted = offset;
        lines.entry(key).or_insert(line);
    }
    lines
}

/// The keys of the exported object, outside of comments.
fn keys(text: &str) -> Vec<&str> {
    let mut rest = text.split_once("module.exports").map_or(text, |(_, exports)| exports);
    let mut keys = Vec::new();
    let mut depth = 0;
    // A key is between `{` or `,` and `:`.
    let (mut begins, mut key) = (false, None);
    while let Some(token) = Token::first(rest) {
        match token.kind {
            Kind::Space => {}
            Kind::Word | Kind::Text if begins => {
                (begins, key) = (false, Some(token.text.trim_matches(['"', '\''])));
            }
            Kind::Colon => {
                keys.extend(key.filter(|_| depth == 1));
                (begins, key) = (false, None);
            }
            kind => {
                depth += i32::from(kind == Kind::Open) - i32::from(kind == Kind::Close);
                (begins, key) = (matches!(kind, Kind::Open | Kind::Comma), None);
            }
        }
        rest = rest.get(token.text.len()..).unwrap_or_default();
    }
    keys
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// In quotes.
    Text,
    Open,
    Close,
    Colon,
    Comma,
    /// Spaces and comments.
    Space,
    Other,
}

struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

impl<'a> Token<'a> {
    /// The first token of a program; `None` at its end.
    fn first(program: &'a str) -> Option<Self> {
        let first = program.chars().next()?;
        let (kind, length) = match first {
            '{' | '(' | '[' => (Kind::Open, Some(1)),
            '}' | ')' | ']' => (Kind::Close, Some(1)),
            ':' => (Kind::Colon, Some(1)),
            ',' => (Kind::Comma, Some(1)),
            '"' | '\'' | '`' => (Kind::Text, quoted(program, first)),
            '/' if program.starts_with("//") => (Kind::Space, program.find('\n')),
            '/' if program.starts_with("/*") => {
                (Kind::Space, program.find("*/").map(|end| end + 2))
            }
            _ if first.is_whitespace() => (Kind::Space, program.find(|c: char| !c.is_whitespace())),
            _ if is_of_word(first) => (Kind::Word, program.find(|c| !is_of_word(c))),
            _ => (Kind::Other, Some(first.len_utf8())),
        };
        Some(Token { kind, text: program.get(..length.unwrap_or(program.len()))? })
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The length of a text with its quotes; `None` if it does not end.
fn quoted(program: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in program.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_exported_object_are_found() {
        let text = r#"
            const port = { other: 1 };
            module.exports = {
                uiPort: process.env.PORT ? port : 1880, // adminAuth: {}
                /* httpAdminRoot: '/x', */
                'httpNodeRoot' : "/a: {b:",
                logging: { console: { level: "info" } },
                contextStorage: { default: { module: "memory" } },
                editorTheme: { page: { title: 'it\'s: {' } },
            }"#;
        let expected = ["uiPort", "httpNodeRoot", "logging", "contextStorage", "editorTheme"];
        assert_eq!(keys(text), expected);
    }

    #[test]
    fn unfinished_programs_are_no_problem() {
        for text in ["{ a: 'b", "{ a: /* b", "}}}{a:1", "", "{ ü: 1, \u{1F600}: 2"] {
            let _found = keys(text);
        }
        assert_eq!(keys("{ a: 'b"), ["a"]);
    }
}

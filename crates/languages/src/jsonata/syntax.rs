//! Describes the errors of an expression and finds their positions.

use jsonata_core::parser::{self, Lexer, ParserError, Token};

use super::InvalidJsonata;

/// In longer sources errors are reported at the end, to limit the search.
const MAX_SEARCHED: usize = 4_000;

/// The maximum number of characters to go back for the start of a token.
const MAX_TOKEN: usize = 100;

/// The parser's error in our wording, with its position, which the parser does not report.
pub(super) fn explain(source: &str, error: &ParserError) -> InvalidJsonata {
    let text = error.to_string();
    let (start, end) = place(source, &text);
    let found = source.get(start..end).unwrap_or_default().trim();
    let found =
        if found.is_empty() { "end of input".to_owned() } else { format!("`{}`", shorten(found)) };
    let reason = match error {
        ParserError::Expected { expected, .. } => {
            format!("expected {}, found {found}", symbol(expected))
        }
        ParserError::UnexpectedToken(_) | ParserError::UnexpectedEnd => {
            format!("unexpected {found}")
        }
        ParserError::InvalidSyntax(text) if text.contains("S0201") => {
            format!("unexpected {found}")
        }
        _ => plain(text.strip_prefix("Invalid syntax: ").unwrap_or(&text)),
    };
    at(source, start, reason)
}

/// The error `reason` at byte `offset` of `source`.
pub(super) fn at(source: &str, offset: usize, reason: String) -> InvalidJsonata {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    InvalidJsonata { line, column, reason }
}

/// The position of a call to `name` without a `$`.
pub(super) fn find_call(source: &str, name: &str) -> usize {
    let is_call = |at: &usize| {
        let (before, behind) = source.split_at_checked(*at).unwrap_or_default();
        let behind = behind.get(name.len()..).unwrap_or_default();
        before.trim_end().ends_with('.') && behind.trim_start().starts_with('(')
    };
    source.match_indices(name).map(|(at, _)| at).find(is_call).unwrap_or_default()
}

/// The start and end of the token at which the parser reports `text`: every longer prefix of the
/// source gives the same error.
fn place(source: &str, text: &str) -> (usize, usize) {
    let end = (source.len(), source.len());
    if source.len() > MAX_SEARCHED || says_end(text) {
        return end;
    }
    let says = |to: usize| {
        let part = source.get(..to).unwrap_or_default();
        parser::parse(part).is_err_and(|error| error.to_string() == text)
    };
    let ends: Vec<usize> = source.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
    let found = ends.partition_point(|to| !says(*to));
    let Some(to) = ends.get(found).copied().filter(|to| says(*to)) else { return end };
    (start_of_token(source, to), to)
}

/// The start of the token that ends at `to`.
fn start_of_token(source: &str, to: usize) -> usize {
    let part = |to: usize| source.get(..to).unwrap_or_default();
    let before = |to: usize| part(to).char_indices().next_back().map_or(0, |(at, _)| at);
    let Some(tokens) = count_tokens(part(to)) else { return before(to) };
    let mut start = before(to);
    for _ in 0..MAX_TOKEN {
        if start == 0 || count_tokens(part(start)).is_some_and(|count| count < tokens) {
            break;
        }
        start = before(start);
    }
    let token = source.get(start..to).unwrap_or_default();
    start + token.len() - token.trim_start().len()
}

fn says_end(text: &str) -> bool {
    ["S0101", "S0105", "S0203", "S0207", "end of expression", "Unclosed"]
        .iter()
        .any(|sign| text.contains(sign))
}

fn count_tokens(part: &str) -> Option<usize> {
    let mut lexer = Lexer::new(part.to_owned());
    let mut count = 0;
    loop {
        match lexer.next_token() {
            Ok(Token::Eof) => return Some(count),
            Ok(_) => count += 1,
            Err(_) => return None,
        }
    }
}

fn symbol(token: &str) -> String {
    let symbol = match token {
        "LeftParen" => "(",
        "RightParen" => ")",
        "LeftBracket" => "[",
        "RightBracket" => "]",
        "LeftBrace" => "{",
        "RightBrace" => "}",
        "Comma" => ",",
        "Colon" => ":",
        "Semicolon" => ";",
        "Pipe" => "|",
        other => return other.to_lowercase(),
    };
    format!("`{symbol}`")
}

/// A message of the interpreter in our style: starting in lower case, with its code at the end.
pub(super) fn plain(text: &str) -> String {
    let (code, text) = match text.split_once(": ") {
        Some((code, rest)) if is_code(code) => (Some(code), rest),
        _ => (None, text),
    };
    let mut letters = text.trim_end_matches('.').chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{first}{}{code}", letters.as_str())
}

fn is_code(text: &str) -> bool {
    text.len() == 5
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().skip(1).all(|b| b.is_ascii_digit())
}

/// The start of a long text.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether the expression uses `msg`, by Node-RED's rule: the name occurs, not in quotes or after a
/// dot.
pub(super) fn names_msg(source: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '\'' | '"');
    source.match_indices("msg").any(|(at, name)| {
        let before = source.get(..at).and_then(|text| text.chars().next_back());
        let after = source.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(|c| word(c) || c == '.') && !after.is_some_and(word)
    })
}

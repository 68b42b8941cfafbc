//! The variables that code declares, and where they can be assigned.

use std::ops::Range;

use super::Code;
use crate::tokens::Token;

/// Variables by name and by the tokens where they are known.
pub(super) struct Variables<'t>(Vec<(&'t str, Range<usize>)>);

impl<'t> Variables<'t> {
    pub(super) fn of(code: &Code<'t>) -> Self {
        let mut variables = Variables(Vec::new());
        // A `var` is known in all of the function that it is in.
        let nests = has_functions(code);
        for at in 0..code.tokens.len() {
            if code.is_word(at, &["let", "const", "var"]) && !code.is_member(at) {
                let everywhere = code.is_word(at, &["var"]) && !nests;
                let range = if everywhere { Some(0..code.tokens.len()) } else { range(code, at) };
                if let Some(range) = range {
                    variables.add(code, at + 1, &range);
                }
            }
        }
        variables
    }

    /// Whether `name` is a variable of the code at the token `at`.
    pub(super) fn contains(&self, name: &str, at: usize) -> bool {
        self.0.iter().any(|(known, range)| *known == name && range.contains(&at))
    }

    /// Adds the names of the declaration that begins at `at`, as far as they are plain to see.
    fn add(&mut self, code: &Code<'t>, mut at: usize, range: &Range<usize>) {
        loop {
            match code.token(at) {
                Some(Token::Word(name)) => self.0.push((name, range.clone())),
                Some(Token::Mark('{' | '[')) => {
                    let end = code.counterparts[at];
                    self.add_pattern(code, at + 1..end, range);
                    return;
                }
                _ => return,
            }
            let is_simple = |at| matches!(code.token(at), Some(Token::Word(_) | Token::Text(_)));
            at += match (code.token(at + 1), code.token(at + 3)) {
                (Some(Token::Mark(',')), _) => 2,
                // What one token initializes ends there.
                (Some(Token::Mark('=')), Some(Token::Mark(','))) if is_simple(at + 2) => 4,
                _ => return,
            };
        }
    }

    /// Adds the names of a pattern without patterns in it.
    fn add_pattern(&mut self, code: &Code<'t>, places: Range<usize>, range: &Range<usize>) {
        // What a default holds is no name.
        if places.clone().any(|at| code.is_mark(at, '=')) {
            return;
        }
        for at in places {
            let Some(Token::Word(name)) = code.token(at) else { continue };
            let starts = matches!(code.before(at), Some(Token::Mark('{' | '[' | ',' | ':')));
            let ends = matches!(code.token(at + 1), Some(Token::Mark('}' | ']' | ',')));
            if starts && ends {
                self.0.push((name, range.clone()));
            }
        }
    }
}

/// Where what is declared at `at` is known.
fn range(code: &Code<'_>, at: usize) -> Option<Range<usize>> {
    let Some(start) = code.around[at] else { return Some(at..code.tokens.len()) };
    let end = code.counterparts[start];
    if code.is_mark(start, '{') {
        return Some(at..end);
    }
    let is_loop = code.is_word(start.wrapping_sub(1), &["for"])
        || code.is_word(start.wrapping_sub(1), &["await"])
            && code.is_word(start.wrapping_sub(2), &["for"]);
    let end = if code.is_mark(end + 1, '{') { code.counterparts[end + 1] } else { end };
    is_loop.then_some(at..end)
}

/// Whether there are functions in the code, which have variables of their own.
fn has_functions(code: &Code<'_>) -> bool {
    const STATEMENTS: [&str; 6] = ["if", "for", "while", "switch", "catch", "await"];
    (0..code.tokens.len()).any(|at| match code.tokens[at] {
        Token::Word("function" | "class") => true,
        Token::Mark('=') => code.is_mark(at + 1, '>'),
        // A method.
        Token::Mark(')') if code.is_mark(at + 1, '{') => {
            !code.is_word(code.counterparts[at].wrapping_sub(1), &STATEMENTS)
        }
        _ => false,
    })
}

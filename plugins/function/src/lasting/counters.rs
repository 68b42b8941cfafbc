//! Variables that only count: `for (let i = 0; …; i++)`. An element of that number is an own one.

use super::{Code, is_number};
use crate::tokens::Token;

/// Whether `name` stands for nothing but numbers: each place where it occurs is understood.
pub(super) fn is_counter(code: &Code<'_>, name: &str) -> bool {
    let mut places = (0..code.tokens.len())
        .filter(|at| code.tokens[*at] == Token::Word(name) && !code.is_member(*at));
    let starts = |at: &usize| is_start(code, *at);
    places.clone().any(|at| starts(&at)) && places.all(|at| starts(&at) || is_step_or_use(code, at))
}

/// `for (let i = 0;`
fn is_start(code: &Code<'_>, at: usize) -> bool {
    code.is_word(at.wrapping_sub(1), &["let", "var"])
        && code.is_mark(at.wrapping_sub(2), '(')
        && code.is_word(at.wrapping_sub(3), &["for"])
        && code.is_assigned(at)
        && is_number_at(code, at + 2)
        && matches!(code.token(at + 3), Some(Token::Mark(';' | ',')))
}

fn is_step_or_use(code: &Code<'_>, at: usize) -> bool {
    const OPERATORS: [char; 7] = ['+', '-', '*', '/', '%', '<', '>'];
    let mark = |at: usize| match code.token(at) {
        Some(Token::Mark(mark)) => mark,
        _ => ' ',
    };
    let (before, next, after) = (mark(at.wrapping_sub(1)), mark(at + 1), mark(at + 2));
    if next == '=' {
        // A comparison; everything else puts something into it, or names a parameter.
        return after == '=';
    }
    if OPERATORS.contains(&next) && after == '=' {
        return matches!(next, '<' | '>')
            || matches!(next, '+' | '-') && is_number_at(code, at + 3);
    }
    let is_index = before == '[' && next == ']' && code.is_access(at - 1);
    let is_argument = before == '('
        && next == ')'
        && matches!(code.token(at.wrapping_sub(2)), Some(Token::Word(_)))
        && code.is_member(at - 2)
        && !code.is_mark(at + 2, '{');
    let is_assigned_on = before == '=' && matches!(next, ';' | ',' | ')' | '}');
    OPERATORS.contains(&next)
        || is_assigned_on
        || next == '!' && after == '='
        || OPERATORS.contains(&before)
        || is_index
        || is_argument
}

fn is_number_at(code: &Code<'_>, at: usize) -> bool {
    matches!(code.token(at), Some(Token::Word(word)) if is_number(word))
}

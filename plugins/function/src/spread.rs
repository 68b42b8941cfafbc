//! Spreading a text into an object, which the interpreter takes for nothing: `{...text}` becomes
//! `{...Object(text)}` before the code is read.
//!
//! Only names and properties of names are looked at, and only where it is plain that the braces are
//! no pattern, as in `const {...rest} = value`.

use crate::tokens::{Token, located};

type Located<'a> = (usize, Token<'a>);

/// The code with its spreads as the interpreter understands them; `None` if it has none.
pub(crate) fn rewritten(code: &str) -> Option<String> {
    if !code.contains("...") {
        return None;
    }
    let tokens = located(code)?;
    let brackets = Brackets::of(&tokens)?;
    let mut text = String::with_capacity(code.len() + 64);
    let mut done = 0;
    for at in 0..tokens.len() {
        let Some((start, end)) = operand(&tokens, &brackets, at) else { continue };
        text.push_str(code.get(done..start)?);
        text.push_str("Object(");
        text.push_str(code.get(start..end)?);
        text.push(')');
        done = end;
    }
    text.push_str(code.get(done..)?);
    (done > 0).then_some(text)
}

/// Which brackets belong together.
struct Brackets {
    /// For each token: the innermost bracket around it.
    around: Vec<Option<usize>>,
    /// For each opening bracket: where it is closed.
    closed: Vec<usize>,
}

impl Brackets {
    fn of(tokens: &[Located<'_>]) -> Option<Self> {
        let mut brackets = Brackets { around: Vec::new(), closed: vec![0; tokens.len()] };
        let mut open = Vec::new();
        for (at, (_, token)) in tokens.iter().enumerate() {
            if matches!(token, Token::Mark(')' | ']' | '}')) {
                *brackets.closed.get_mut(open.pop()?)? = at;
            }
            brackets.around.push(open.last().copied());
            if matches!(token, Token::Mark('(' | '[' | '{')) {
                open.push(at);
            }
        }
        open.is_empty().then_some(brackets)
    }

    /// The bracket that closes what is around the token.
    fn end_around(&self, at: usize) -> Option<usize> {
        let open = (*self.around.get(at)?)?;
        self.closed.get(open).copied()
    }
}

fn mark(tokens: &[Located<'_>], at: usize) -> Option<char> {
    match tokens.get(at) {
        Some((_, Token::Mark(mark))) => Some(*mark),
        _ => None,
    }
}

/// What the three dots at `at` spread into an object, if it may be a text: from where to where.
fn operand(tokens: &[Located<'_>], brackets: &Brackets, at: usize) -> Option<(usize, usize)> {
    let dots = (at..at + 3).all(|at| mark(tokens, at) == Some('.'));
    let open = (*brackets.around.get(at)?)?;
    let begins = mark(tokens, at.checked_sub(1)?).is_some_and(|it| matches!(it, '{' | ','));
    if !dots || !begins || mark(tokens, open) != Some('{') {
        return None;
    }
    let first = at + 3;
    let Some((start, Token::Word(name))) = tokens.get(first) else { return None };
    let mut last = first;
    while mark(tokens, last + 1) == Some('.') {
        let Some((_, Token::Word(_))) = tokens.get(last + 2) else { return None };
        last += 2;
    }
    let Some((from, Token::Word(word))) = tokens.get(last) else { return None };
    let is_name_alone = last == first;
    let is_literal = match mark(tokens, last + 1)? {
        // Nothing follows the rest in a pattern.
        ',' => true,
        '}' => !may_be_pattern(tokens, brackets, last + 1),
        _ => false,
    };
    // The message is an object.
    let needed = !(is_name_alone && *name == "msg");
    (is_literal && needed).then_some((*start, from + word.len()))
}

/// Whether what ends with the bracket at `end` may be something that is assigned to.
fn may_be_pattern(tokens: &[Located<'_>], brackets: &Brackets, end: usize) -> bool {
    match tokens.get(end + 1) {
        Some((_, Token::Mark('='))) => mark(tokens, end + 2) != Some('='),
        // The parameters of a function.
        Some((_, Token::Mark('{'))) => mark(tokens, end) == Some(')'),
        Some((_, Token::Word(word))) => matches!(*word, "of" | "in"),
        Some((_, Token::Mark(',' | ')' | ']' | '}'))) => brackets
            .end_around(end)
            .filter(|outer| *outer > end)
            .is_some_and(|outer| may_be_pattern(tokens, brackets, outer)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_into_objects_are_rewritten() {
        for (code, expected) in [
            ("x = {...a.b};", "x = {...Object(a.b)};"),
            ("x = {...a}", "x = {...Object(a)}"),
            (
                "return {a: 1, ...b, ...c.d}\nnext()",
                "return {a: 1, ...Object(b), ...Object(c.d)}\nnext()",
            ),
            ("f({...a}, {x: [{...b}]})", "f({...Object(a)}, {x: [{...Object(b)}]})"),
            (
                "`${f({...a})}`; const g = () => ({...b});",
                "`${f({...Object(a)})}`; const g = () => ({...Object(b)});",
            ),
            ("({...a} == b)", "({...Object(a)} == b)"),
            ("x = {...msg, ...msg.payload}", "x = {...msg, ...Object(msg.payload)}"),
        ] {
            assert_eq!(rewritten(code).as_deref(), Some(expected), "{code}");
        }
    }

    #[test]
    fn other_spreads_and_patterns_stay_as_they_are() {
        for code in [
            "f(...a)",
            "[...a]",
            "const {a, ...rest} = b;",
            "function f({...a}) {}",
            "function f({...a}, b) {}",
            "({...a}, b) => 1",
            "({...a.b} = c)",
            "[{x: {...a}}, c] = b",
            "for (const {...a} of b) {}",
            "try {} catch ({...a}) {}",
            "({m({...a}) {}})",
            "({...f()})",
            "({...a[0]})",
            "({...a ?? b})",
            "x = {...msg}",
            "// {...a}",
            "'{...a}'",
        ] {
            assert_eq!(rewritten(code), None, "{code}");
        }
    }
}

//! Which properties of a message the code can see, as far as its text shows: `msg` occurs only as
//! `msg.name`, as `msg["name"]`, or as the returned value. Other properties then need not pass through the
//! interpreter.
//!
//! Code with any other use of `msg` is taken to see all properties.

use ferrowire::Key;

use crate::tokens::{Token, tokens};

/// With these, code can reach `msg` or its properties in ways that are not recognized, or determines the
/// order of the properties.
const TELLING: [&str; 20] = [
    "eval",
    "arguments",
    "with",
    "delete",
    "class",
    "this",
    "prototype",
    "constructor",
    "__proto__",
    "defineProperty",
    "setPrototypeOf",
    "import",
    "yield",
    "done",
    "await",
    "async",
    "Function",
    "Reflect",
    "debugger",
    "linkcall",
];

/// Properties of every object: they depend on all properties, or exist although the message
/// does not have them.
const OF_OBJECTS: [&str; 11] = [
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "toJSON",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
];

/// Looking up more properties than this takes longer than copying all of them.
const MOST: usize = 8;

/// The names of the properties that `code`, run for each message, can see; `None` when it may see
/// all. `others` is the code that runs around it.
pub(crate) fn visible(code: &str, others: [&str; 2]) -> Option<Vec<Key>> {
    let tokens = tokens(code)?;
    if !others.into_iter().all(is_harmless) {
        return None;
    }
    let mut names = Vec::new();
    let nests = has_functions(&tokens);
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => depth = depth.checked_sub(1)?,
            Token::Word("return") if depth == 0 || !nests => {
                at += returned(&tokens[at + 1..]);
            }
            Token::Word(word) if TELLING.contains(word) => return None,
            Token::Word("msg") if !is_member(&tokens, at) => {
                let name = property(&tokens[at + 1..])?;
                if OF_OBJECTS.contains(&name) || TELLING.contains(&name) {
                    return None;
                }
                if !names.iter().any(|known: &Key| known == name) {
                    names.push(Key::new(name));
                }
            }
            _ => {}
        }
        at += 1;
    }
    (depth == 0 && names.len() <= MOST).then_some(names)
}

/// Whether the code that runs around it leaves the behaviour of objects unchanged.
fn is_harmless(code: &str) -> bool {
    !["prototype", "__proto__", "constructor"].iter().any(|word| code.contains(word))
}

/// Whether the word at `at` names a property of something else.
fn is_member(tokens: &[Token<'_>], at: usize) -> bool {
    let dot = Token::Mark('.');
    // Two dots are the end of `...`, which spreads what follows.
    matches!(&tokens[..at], [.., before, last] if *last == dot && *before != dot)
}

/// The property of `msg` that is accessed, by the tokens after it. When it is called, `msg` is the
/// `this` of the call.
fn property<'a>(rest: &[Token<'a>]) -> Option<&'a str> {
    let (name, rest) = match rest {
        [Token::Mark('.'), Token::Word(name), rest @ ..] => (name, rest),
        [Token::Mark('?'), Token::Mark('.'), Token::Word(name), rest @ ..] => (name, rest),
        [Token::Mark('['), Token::Text(name), Token::Mark(']'), rest @ ..] => (name, rest),
        _ => return None,
    };
    match rest {
        [Token::Mark('(') | Token::Literal, ..] => None,
        [Token::Mark('?'), Token::Mark('.'), Token::Mark('('), ..] => None,
        _ => Some(name),
    }
}

/// How many of the tokens after `return` are the message itself, alone or in a list with
/// `null`s: 0 when something else is returned.
fn returned(rest: &[Token<'_>]) -> usize {
    let is_part = |token: &Token<'_>| matches!(token, Token::Word("msg" | "null"));
    let length = match rest {
        [Token::Word("msg"), ..] => 1,
        [Token::Mark('['), ..] => {
            let inside = rest[1..].iter().take_while(|it| is_part(it) || **it == Token::Mark(','));
            let end = inside.count() + 1;
            if rest.get(end) != Some(&Token::Mark(']')) {
                return 0;
            }
            end + 1
        }
        _ => return 0,
    };
    match rest.get(length) {
        None | Some(Token::Mark(';' | '}')) => length,
        Some(_) => 0,
    }
}

/// Whether there is a function in the code, whose `return` is another one. Methods in literals
/// are `name(…) {`.
fn has_functions(tokens: &[Token<'_>]) -> bool {
    const STATEMENTS: [&str; 5] = ["if", "for", "while", "switch", "catch"];
    let mut open = Vec::new();
    let mut before = None;
    for pair in tokens.windows(2) {
        match pair {
            [Token::Word("function"), _] | [Token::Mark('='), Token::Mark('>')] => return true,
            [Token::Word(word), Token::Mark('(')] => open.push(STATEMENTS.contains(word)),
            [_, Token::Mark('(')] => open.push(false),
            [Token::Mark(')'), Token::Mark('{')] if before == Some(false) => return true,
            _ => {}
        }
        if pair[1] == Token::Mark(')') {
            before = open.pop();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(code: &str) -> Option<Vec<String>> {
        visible(code, ["", ""]).map(|names| names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn plain_uses_of_properties_are_all_that_is_seen() {
        for (code, names) in [
            ("msg.payload = msg.payload.toUpperCase(); return msg;", vec!["payload"]),
            ("msg.a.b = x.msg; if (msg?.c) { return [null, msg] } return null", vec!["a", "c"]),
            ("msg['a b'] = `${msg.c} msg`; // msg\nreturn msg", vec!["a b", "c"]),
            ("msg.l = msg.l.map(x => x * 2);\nreturn msg;\n", vec!["l"]),
            (
                "let s = 'return msg'; node.warn(msg.payload / 2 / msg.d); return",
                vec!["payload", "d"],
            ),
            ("return {payload: msg.topic};", vec!["topic"]),
            ("if (a) { return msg; } else { msg.b = /msg[/]}/.test(c) }", vec!["b"]),
            ("return msg\n  .a", vec!["a"]),
            ("msg.f = (msg.c - 32) / 1.8 / 2; return msg", vec!["f", "c"]),
            ("return msg;", vec![]),
        ] {
            assert_eq!(
                seen(code).as_deref(),
                Some(&names.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
                "{code}"
            );
        }
    }

    #[test]
    fn any_other_use_may_see_everything() {
        for code in [
            "node.send(msg)",
            "msg = {}",
            "const {payload} = msg;",
            "msg[key] = 1",
            "for (const k in msg) {}",
            "return [msg].map(f)",
            "return msg\nf()",
            "return msg, 1",
            "({...msg})",
            "f(...msg)",
            "x = `${msg}`",
            "`${`${msg}`}`",
            "({msg})",
            "delete msg.a",
            "msg.hasOwnProperty('a')",
            "f(() => { return msg; })",
            "f(function () { return msg })",
            "f({ m() { return msg } })",
            "f({ get a() { return msg } })",
            "eval('m' + 'sg')",
            "arguments[0]",
            "m\\u0073g",
            "<!-- msg",
            "return msg }",
            "f = (msg) => msg.a",
            "msg.a = (1) /msg/ 2",
            "if (x) /msg.b/.test(msg)",
            "msg\n(1)",
            "async () => msg.a",
            "msg.a.constructor",
            "msg['__proto__']",
            "msg.f()",
            "msg['f']?.(1)",
            "msg.f`x`",
            "const { a = msg } = {}; return msg.b",
            "[msg.a] = [msg]",
            "msg.a; msg.b; msg.c; msg.d; msg.e; msg.f; msg.g; msg.h; msg.i",
            "`${msg.a",
            "'open",
        ] {
            assert_eq!(seen(code), None, "{code}");
        }
        assert_eq!(visible("return msg", ["Object.prototype.x = 1", ""]), None);
    }
}

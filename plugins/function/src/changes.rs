//! Whether code may change an object in place, as far as its text shows. If not, values that it gets from a
//! context need not be compared afterwards.
//!
//! Setting a property of the message itself, as in `msg.name = …`, changes no other object. Any
//! code that is not clearly harmless is taken to change objects.

use crate::tokens::{Token, tokens};

/// Methods that change what they belong to or are given, and words that reach methods by other names.
const CHANGING: [&str; 25] = [
    "push",
    "pop",
    "shift",
    "unshift",
    "splice",
    "sort",
    "reverse",
    "fill",
    "copyWithin",
    "add",
    "clear",
    "append",
    "assign",
    "defineProperty",
    "defineProperties",
    "apply",
    "call",
    "bind",
    "delete",
    "eval",
    "Function",
    "Reflect",
    "prototype",
    "constructor",
    "close",
];

/// The names of the contexts, whose `set` stores a value.
const CONTEXTS: [&str; 3] = ["context", "flow", "global"];

/// Functions whose names only begin like those that set something.
const TIMERS: [&str; 3] = ["setTimeout", "setInterval", "setImmediate"];

/// Whether any of these pieces of code may change an object in place.
pub(crate) fn changes_in_place(codes: [&str; 3]) -> bool {
    codes.into_iter().any(|code| tokens(code).is_none_or(|tokens| may_change(&tokens)))
}

/// Whether code may change an object that it has put into a context before. The order of its text is
/// that in which it runs, unless there are loops or functions in it.
pub(crate) fn changes_after_set(code: &str) -> bool {
    const OTHER_ORDERS: [&str; 8] =
        ["for", "while", "do", "function", "class", "async", "await", "yield"];
    let Some(tokens) = tokens(code) else { return true };
    let is_arrow = |pair: &[Token<'_>]| pair == [Token::Mark('='), Token::Mark('>')];
    let has_other_order = tokens.iter().enumerate().any(|(at, token)| match token {
        Token::Word("get") => !is_of_context(&tokens, at),
        Token::Word("flow" | "global") => is_shared_object(&tokens, at),
        Token::Word(word) => OTHER_ORDERS.contains(word),
        _ => false,
    });
    if has_other_order || tokens.windows(2).any(is_arrow) {
        return true;
    }
    let first = tokens.iter().position(|token| *token == Token::Word("set"));
    first.is_some_and(|first| {
        let sets = |at| tokens[at] == Token::Word("set") && is_of_context(&tokens, at);
        (first..tokens.len()).any(|at| changes_at(&tokens, at) || !sets(first))
    })
}

fn may_change(tokens: &[Token<'_>]) -> bool {
    (0..tokens.len()).any(|at| changes_at(tokens, at))
}

fn changes_at(tokens: &[Token<'_>], at: usize) -> bool {
    match tokens[at] {
        Token::Word(word) => is_changing(tokens, at, word),
        Token::Mark('=') => is_assignment(tokens, at) && !is_harmless(before_operator(tokens, at)),
        Token::Mark(sign @ ('+' | '-')) if tokens.get(at + 1) == Some(&Token::Mark(sign)) => {
            !is_harmless(&tokens[..at]) || is_member_ahead(&tokens[at + 2..])
        }
        // A method whose name is computed is called.
        Token::Mark(']') => tokens.get(at + 1) == Some(&Token::Mark('(')),
        _ => false,
    }
}

/// Whether `context.flow` or `context.global` at `at` is more than the owner of a method: setting a
/// property of it puts a value into the context.
fn is_shared_object(tokens: &[Token<'_>], at: usize) -> bool {
    let is_method = matches!(
        tokens[at..],
        [_, Token::Mark('.'), Token::Word("get" | "set" | "keys"), Token::Mark('('), ..]
    );
    matches!(tokens[..at], [.., Token::Mark('.')]) && !is_method
}

/// Whether the word at `at` is a method of a context.
fn is_of_context(tokens: &[Token<'_>], at: usize) -> bool {
    matches!(
        &tokens[..at],
        [.., Token::Word(context), Token::Mark('.')] if CONTEXTS.contains(context)
    )
}

fn is_changing(tokens: &[Token<'_>], at: usize, word: &str) -> bool {
    let is_setter = |rest: &str| rest.is_empty() || rest.starts_with(|c: char| c.is_uppercase());
    let sets = word.strip_prefix("set").is_some_and(is_setter) && !TIMERS.contains(&word);
    let writes = word.starts_with("write") || word.starts_with("swap");
    (sets && !(word == "set" && is_of_context(tokens, at))) || writes || CHANGING.contains(&word)
}

/// Whether the punctuation at `at` is, or ends, an assignment rather than a comparison or an arrow.
pub(crate) fn is_assignment(tokens: &[Token<'_>], at: usize) -> bool {
    let mark = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
        Some(Token::Mark(mark)) => Some(*mark),
        _ => None,
    };
    let (before, after) = (mark(at.checked_sub(1)), mark(Some(at + 1)));
    let compares = match before {
        Some('=' | '!') => true,
        // `<<=` and `>>=` are assignments.
        Some(sign @ ('<' | '>')) => mark(at.checked_sub(2)) != Some(sign),
        _ => false,
    };
    !compares && !matches!(after, Some('=' | '>'))
}

/// The tokens before an operator that ends at `at`.
fn before_operator<'a, 't>(tokens: &'a [Token<'t>], at: usize) -> &'a [Token<'t>] {
    let is_operator = |token: &Token<'_>| {
        matches!(
            token,
            Token::Mark('+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '?' | '<' | '>')
        )
    };
    let length = tokens[..at].iter().rposition(|token| !is_operator(token)).map_or(0, |at| at + 1);
    &tokens[..length]
}

/// Whether the expression that ends here is a variable, or a property of the message itself.
fn is_harmless(tokens: &[Token<'_>]) -> bool {
    match tokens {
        [rest @ .., Token::Word("msg"), Token::Mark('.'), Token::Word(_)] => {
            rest.last() != Some(&Token::Mark('.'))
        }
        [.., Token::Mark('.'), Token::Word(_)] | [.., Token::Mark(']')] => false,
        // Destructuring may assign to properties: `[a.b] = c`, `({d: a.b} = c)`.
        [.., Token::Mark('}')] => is_declared_pattern(tokens),
        _ => true,
    }
}

/// Whether the braces that end here are the pattern of a declaration, which names new variables.
fn is_declared_pattern(tokens: &[Token<'_>]) -> bool {
    let is_declaration = |token: &Token<'_>| matches!(token, Token::Word("const" | "let" | "var"));
    let Some(start) = tokens.iter().rposition(is_declaration) else { return false };
    // There is neither the end of a statement nor a property access between them.
    tokens[start..].iter().all(|token| !matches!(token, Token::Mark(';' | '.' | '=')))
}

/// Whether a property access follows, as after `++`.
fn is_member_ahead(tokens: &[Token<'_>]) -> bool {
    matches!(tokens, [Token::Word(_), Token::Mark('.' | '['), ..] | [Token::Mark('('), ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(code: &str) -> bool {
        changes_in_place([code, "", ""])
    }

    #[test]
    fn code_that_only_reads_or_sets_properties_of_the_message_changes_nothing() {
        for code in [
            "",
            "const t = flow.get('table') || {};\nmsg.payload = t[msg.topic];\nreturn msg;",
            "let n = 0; for (let i = 0; i < n; i++) { n += i; } msg.count = n; return msg",
            "if (a.b === c.d || a.b == 1 || a.b != 2 || a.b <= 3 || a.b >= 4) return msg;",
            "context.set('x', (context.get('x') || 0) + 1); flow.set('y', f.map((v) => v * 2));",
            "const {payload, topic: {a}} = msg; const settings = b.settings;",
            "setTimeout(() => node.send(msg), 10);",
            "msg.n += 1; msg.n++; --n;",
            "a = b = c; // x.y = 1\n'x.y = 1'",
            "return {payload: a.b};",
        ] {
            assert!(!changes(code), "{code}");
        }
    }

    #[test]
    fn any_other_code_may_change_something() {
        for code in [
            "list.push(1)",
            "a.b = 1",
            "a['b'] = 1",
            "a[i] += 1",
            "a.b ??= 1",
            "a.b <<= 1",
            "a.b++",
            "++a.b",
            "--a[0]",
            "++(a.b)",
            "delete a.b",
            "msg.payload.a = 1",
            "x.msg.a = 1",
            "Object.assign(a, b)",
            "[a.b] = c",
            "({d: a.b} = c)",
            "let {a = b.c} = d",
            "list['push'](1)",
            "[].push.call(a, 1)",
            "map.set(1, 2)",
            "flow.get('map').set(1, 2)",
            "date.setHours(1)",
            "buffer.writeUInt8(1)",
            "RED.util.setMessageProperty(a, 'b', 1)",
            "eval(x)",
            "m\\u0073g.a = 1",
        ] {
            assert!(changes(code), "{code}");
        }
        assert!(changes_in_place(["", "a.b = 1", ""]));
        assert!(changes_in_place(["", "", "a.b = 1"]));
    }

    #[test]
    fn what_is_set_last_does_not_change_after_that() {
        for code in [
            "var l = flow.get('l') || []; l.push(1); flow.set('l', l); return msg;",
            "if (a) { l.b = 1; flow.set('l', l); } else { msg.payload = 1; }",
            "l.push(1)",
            "flow.set('l', 1)",
            "l.push(1); context.flow.set('l', l); context.global.get('l')",
        ] {
            assert!(!changes_after_set(code), "{code}");
        }
        for code in [
            "flow.set('l', l); l.push(1)",
            "flow.set('l', l.concat(l.push(1)))",
            "for (;;) { l.push(1); flow.set('l', l); }",
            "const add = () => l.push(1); flow.set('l', l); add();",
            "const o = {get a() { l.push(1) }}; flow.set('l', l); o.a",
            "l.push(1); await 1; flow.set('l', l);",
            "const l = []; context.flow.l = l; l.push(1)",
            "const f = flow; f.set('l', l); l.push(1)",
            "const {set} = flow; set('l', l); l.push(1)",
            "l\\u0041",
        ] {
            assert!(changes_after_set(code), "{code}");
        }
    }
}

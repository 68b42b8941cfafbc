//! Whether a run of code may leave something behind in its interpreter. An interpreter whose code
//! leaves nothing can be replaced by a new one between two messages.
//!
//! As in Node-RED, everything that an interpreter has on its own lasts: the global object and what it
//! refers to, such as prototypes and the objects of the runtime. What a run makes itself or is given
//! (messages, values of contexts, literals) is gone with it. The text of code is harmless when no
//! variable can refer to anything that lasts, and nothing is assigned but variables of the code and
//! properties of what does not last. Whatever is not plainly harmless counts as lasting.

mod counters;
mod globals;
mod variables;

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::changes::{changes_in_place, is_assignment};
use crate::tokens::{Token, tokens};
use variables::Variables;

/// Words that reach what lasts by other ways than the name of a global object.
const REACHING: [&str; 35] = [
    "this",
    "super",
    "arguments",
    "globalThis",
    "eval",
    "with",
    "import",
    "debugger",
    "prototype",
    "__proto__",
    "constructor",
    "callee",
    "caller",
    "getThis",
    "getFunction",
    "freeze",
    "seal",
    "preventExtensions",
    "defineProperty",
    "defineProperties",
    "getPrototypeOf",
    "setPrototypeOf",
    "getOwnPropertyDescriptor",
    "getOwnPropertyDescriptors",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "captureStackTrace",
    "stackTraceLimit",
    "prepareStackTrace",
    "deprecate",
    "group",
    "groupCollapsed",
    "groupEnd",
];

/// The methods that values inherit. Read without being called, each is a function that lasts.
static INHERITED: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("lasting/inherited.txt").lines().collect());

/// Whether a run of any of these pieces of code may leave something behind.
pub(crate) fn leaves_something(codes: [&str; 3]) -> bool {
    let may_change = changes_in_place(codes);
    codes.into_iter().any(|code| match tokens(code).and_then(Code::new) {
        Some(code) => !code.is_harmless(may_change),
        None => true,
    })
}

/// Code as tokens, whose brackets match.
pub(crate) struct Code<'t> {
    tokens: Vec<Token<'t>>,
    /// For each bracket, the place of its counterpart.
    counterparts: Vec<usize>,
    /// For each token, the place of the bracket that is open there.
    around: Vec<Option<usize>>,
}

impl<'t> Code<'t> {
    /// `None` if a bracket has no counterpart: such code may break out of the function around it.
    fn new(tokens: Vec<Token<'t>>) -> Option<Self> {
        let mut counterparts: Vec<usize> = (0..tokens.len()).collect();
        let (mut open, mut around) = (Vec::new(), Vec::with_capacity(tokens.len()));
        for (at, token) in tokens.iter().enumerate() {
            let closes = match token {
                Token::Mark(')') => Some('('),
                Token::Mark(']') => Some('['),
                Token::Mark('}') => Some('{'),
                _ => None,
            };
            if let Some(opener) = closes {
                let start = open.pop().filter(|start| tokens[*start] == Token::Mark(opener))?;
                (counterparts[start], counterparts[at]) = (at, start);
            }
            around.push(open.last().copied());
            if matches!(token, Token::Mark('(' | '[' | '{')) {
                open.push(at);
            }
        }
        open.is_empty().then_some(Code { tokens, counterparts, around })
    }

    fn token(&self, at: usize) -> Option<Token<'t>> {
        self.tokens.get(at).copied()
    }

    fn before(&self, at: usize) -> Option<Token<'t>> {
        self.token(at.checked_sub(1)?)
    }

    fn is_mark(&self, at: usize, mark: char) -> bool {
        self.token(at) == Some(Token::Mark(mark))
    }

    fn is_word(&self, at: usize, words: &[&str]) -> bool {
        matches!(self.token(at), Some(Token::Word(word)) if words.contains(&word))
    }

    /// Whether the word at `at` is the name of a property of something.
    fn is_member(&self, at: usize) -> bool {
        let dots = self.tokens[..at].iter().rev().take_while(|it| **it == Token::Mark('.')).count();
        // Three dots spread what follows.
        dots == 1
    }

    fn is_harmless(&self, may_change: bool) -> bool {
        let variables = Variables::of(self);
        (0..self.tokens.len()).all(|at| match self.tokens[at] {
            Token::Word(word) => {
                !REACHING.contains(&word)
                    && (self.is_member(at) || globals::is_harmless(self, at, word))
                    && !(may_change && self.takes_inherited(at, word))
                    && (word != "for" || self.is_harmless_loop(at))
            }
            Token::Text(text) => {
                !(REACHING.contains(&text) || may_change && self.takes_inherited(at, text))
            }
            Token::Mark('=') if is_assignment(&self.tokens, at) => {
                self.is_harmless_assignment(&variables, at)
            }
            Token::Mark(sign @ ('+' | '-')) if self.is_mark(at + 1, sign) => {
                self.is_harmless_step(&variables, at)
            }
            Token::Mark('[') => !may_change || !self.is_access(at) || self.is_own_element(at),
            _ => true,
        })
    }

    /// Whether the name at `at` may take an inherited method as a value: it is not called, or names
    /// a property in a pattern.
    fn takes_inherited(&self, at: usize, name: &str) -> bool {
        if !INHERITED.contains(name) {
            return false;
        }
        let is_key = matches!(self.before(at), Some(Token::Mark('[')))
            && self.is_mark(at + 1, ']')
            && self.is_access(at - 1);
        let is_called = self.is_mark(at + 1, '(')
            || self.is_mark(at + 1, '?') && self.is_mark(at + 2, '.') && self.is_mark(at + 3, '(');
        if self.is_member(at) || is_key {
            return !is_called && !self.is_assigned(at + usize::from(is_key));
        }
        let in_braces = self.around[at].is_some_and(|start| self.is_mark(start, '{'));
        in_braces
            && matches!(self.before(at), Some(Token::Mark('{' | ',')))
            && matches!(self.token(at + 1), Some(Token::Mark(',' | '}' | ':' | '=')))
    }

    /// Whether what ends at `at` is replaced by another value.
    fn is_assigned(&self, at: usize) -> bool {
        self.is_mark(at + 1, '=') && is_assignment(&self.tokens, at + 1)
    }

    /// Whether the square bracket at `at` asks something for an element.
    fn is_access(&self, at: usize) -> bool {
        const OPERATORS: [&str; 18] = [
            "return",
            "typeof",
            "case",
            "in",
            "of",
            "void",
            "do",
            "else",
            "delete",
            "instanceof",
            "new",
            "throw",
            "yield",
            "await",
            "let",
            "const",
            "var",
            "default",
        ];
        match self.before(at) {
            Some(Token::Word(word)) => !OPERATORS.contains(&word) || self.is_member(at - 1),
            // What is put into a template stands in brackets, between two literals.
            Some(Token::Literal) => self.token(self.counterparts[at] + 1) != Some(Token::Literal),
            Some(Token::Text(_)) | Some(Token::Mark(')' | ']' | '}' | '.')) => true,
            _ => false,
        }
    }

    /// Whether the access at `at` gives nothing but an own element, or something that is not kept.
    fn is_own_element(&self, at: usize) -> bool {
        let end = self.counterparts[at];
        let key = &self.tokens[at + 1..end];
        let is_numeric = |token: &Token<'_>| {
            matches!(token, Token::Mark('.' | '-' | '*' | '%') | Token::Word(_))
        };
        let computes = |token: &Token<'_>| matches!(token, Token::Mark('-' | '*' | '%'));
        match key {
            [Token::Text(_)] => true,
            [Token::Word(word)] if is_number(word) || counters::is_counter(self, word) => true,
            _ if key.iter().all(is_numeric) && key.iter().any(computes) => true,
            _ => self.is_calculated_with(end) || self.is_replaced_or_asked(at),
        }
    }

    /// Whether what ends at `end` is only an operand, which makes a number, text or truth value.
    fn is_calculated_with(&self, end: usize) -> bool {
        let mark = |at: usize| match self.token(end + at) {
            Some(Token::Mark(mark)) => mark,
            _ => ' ',
        };
        match (mark(1), mark(2)) {
            ('+' | '-' | '*' | '/' | '%' | '<' | '>', _) | ('=' | '!', '=') => true,
            ('?', next) => next != '.' && next != '?',
            ('|', '|') => {
                let falls_back =
                    matches!(self.token(end + 3), Some(Token::Word(it)) if is_number(it));
                falls_back && mark(4) == ')' && matches!(mark(5), '+' | '-')
            }
            _ => false,
        }
    }

    /// Whether the element at `at` is assigned, deleted, or only asked whether it is there.
    fn is_replaced_or_asked(&self, at: usize) -> bool {
        let end = self.counterparts[at];
        if self.is_assigned(end) {
            return true;
        }
        let Some(start) = self.chain_start(at) else { return false };
        let goes_on = matches!(
            self.token(end + 1),
            Some(Token::Mark('.' | '[' | '(' | '?') | Token::Literal)
        );
        let is_condition = self.is_mark(end + 1, ')')
            && self.is_mark(start.wrapping_sub(1), '(')
            && self.is_word(start.wrapping_sub(2), &["if", "while"]);
        !goes_on
            && (self.is_word(start.wrapping_sub(1), &["delete"])
                || self.is_mark(start.wrapping_sub(1), '!'))
            || is_condition
    }

    /// Where the names `a.b.c` that end before `at` begin.
    fn chain_start(&self, at: usize) -> Option<usize> {
        let is_name = |at: usize| matches!(self.token(at), Some(Token::Word(_)));
        let mut start = at.checked_sub(1).filter(|start| is_name(*start))?;
        while self.is_member(start) {
            start = start.checked_sub(2).filter(|start| is_name(*start))?;
        }
        Some(start)
    }

    fn is_harmless_assignment(&self, variables: &Variables<'_>, at: usize) -> bool {
        let is_operator = |token: &Token<'_>| {
            matches!(
                token,
                Token::Mark('+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '?' | '<' | '>')
            )
        };
        let target = self.tokens[..at].iter().rposition(|token| !is_operator(token));
        target.is_some_and(|target| self.is_harmless_target(variables, target))
    }

    /// Whether assigning to what ends at `at` changes nothing that lasts.
    fn is_harmless_target(&self, variables: &Variables<'_>, at: usize) -> bool {
        match self.tokens[at] {
            Token::Word(_) if self.is_member(at) => true,
            Token::Word(word) => variables.contains(word, at),
            Token::Mark(']') if self.is_element(self.counterparts[at]) => true,
            // A pattern declares new variables, or else assigns whatever it names.
            Token::Mark(']' | '}') => {
                let start = self.counterparts[at];
                self.is_word(start.wrapping_sub(1), &["let", "const", "var"])
            }
            _ => false,
        }
    }

    /// Whether the square bracket at `at` is behind an expression for sure. Behind a statement it begins
    /// a pattern, which assigns variables.
    fn is_element(&self, at: usize) -> bool {
        match self.before(at) {
            Some(Token::Mark('}')) => false,
            Some(Token::Mark(')')) => {
                let start = self.counterparts[at - 1];
                !self.is_word(start.wrapping_sub(1), &["if", "while", "for", "await"])
            }
            _ => self.is_access(at),
        }
    }

    /// `++` or `--` at `at`, which may also be two signs: whatever may be meant is harmless.
    fn is_harmless_step(&self, variables: &Variables<'_>, at: usize) -> bool {
        let is_operand = |at: usize| match self.token(at) {
            Some(Token::Word(_)) => true,
            Some(Token::Mark(mark)) => matches!(mark, ')' | ']' | '}'),
            _ => false,
        };
        let is_before_fine = match at.checked_sub(1) {
            Some(before) if is_operand(before) => self.is_harmless_target(variables, before),
            _ => true,
        };
        let is_after_fine = match self.token(at + 2) {
            Some(Token::Word(word)) => {
                variables.contains(word, at + 2)
                    || matches!(self.token(at + 3), Some(Token::Mark('.' | '[')))
                    || is_operand(at.wrapping_sub(1))
            }
            Some(Token::Mark('(' | '[' | '{')) => false,
            _ => true,
        };
        is_before_fine && is_after_fine
    }

    /// Whether the loop at `at` assigns to variables of its own, or to none.
    fn is_harmless_loop(&self, at: usize) -> bool {
        let head = if self.is_word(at + 1, &["await"]) { at + 2 } else { at + 1 };
        if !self.is_mark(head, '(') || self.is_member(at) {
            return self.is_member(at);
        }
        let inside = head + 1..self.counterparts[head];
        self.is_word(head + 1, &["let", "const", "var"])
            || !inside.into_iter().any(|at| self.is_word(at, &["of", "in"]))
    }
}

/// Whether a word is a number.
fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests;

//! How code may use the objects that last: by calling their harmless methods, and in no other way.

use super::Code;
use crate::tokens::Token;

/// Global names whose values are none of the objects that last.
const VALUES: [&str; 3] = ["undefined", "NaN", "Infinity"];

/// What may be called, with or without `new`. The methods of those in [`OBJECTS`] may be called too.
const FUNCTIONS: [&str; 57] = [
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "Buffer",
    "DataView",
    "Date",
    "Error",
    "EvalError",
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Map",
    "Number",
    "Object",
    "Promise",
    "RangeError",
    "ReferenceError",
    "RegExp",
    "Set",
    "String",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "TypeError",
    "URIError",
    "URL",
    "URLSearchParams",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakSet",
    "atob",
    "btoa",
    "clearImmediate",
    "clearInterval",
    "clearTimeout",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
    "queueMicrotask",
    "setInterval",
    "structuredClone",
];
const MORE_FUNCTIONS: [&str; 3] = ["setImmediate", "setTimeout", "unescape"];

/// Objects of which any method may be called.
const OBJECTS: [&str; 19] = [
    "Array",
    "ArrayBuffer",
    "BigInt",
    "Buffer",
    "Date",
    "Error",
    "Intl",
    "JSON",
    "Map",
    "Math",
    "Number",
    "Object",
    "Promise",
    "RegExp",
    "String",
    "URL",
    "Uint8Array",
    "Uint16Array",
    "Uint32Array",
];

/// Objects of the runtime, and what may be called of them.
const METHODS: [(&str, &[&str]); 6] = [
    ("console", &["log", "info", "warn", "error", "debug"]),
    ("context", &["get", "set", "keys"]),
    ("env", &["get"]),
    ("flow", &["get", "set", "keys"]),
    ("global", &["get", "set", "keys"]),
    (
        "node",
        &["send", "done", "log", "warn", "error", "debug", "trace", "status", "on", "linkcall"],
    ),
];

/// Properties that are no objects and cannot be assigned.
const CONSTANTS: [&str; 15] = [
    "E",
    "EPSILON",
    "LN10",
    "LN2",
    "LOG10E",
    "LOG2E",
    "MAX_SAFE_INTEGER",
    "MAX_VALUE",
    "MIN_SAFE_INTEGER",
    "MIN_VALUE",
    "NEGATIVE_INFINITY",
    "PI",
    "POSITIVE_INFINITY",
    "SQRT1_2",
    "SQRT2",
];

/// What the code of a node knows of it.
const NODE: [&str; 4] = ["id", "name", "path", "outputCount"];

/// Global names that harmless code does not use, beside those that are allowed above in some way.
const OTHERS: [&str; 21] = [
    "Atomics",
    "DisposableStack",
    "AsyncDisposableStack",
    "DOMException",
    "FinalizationRegistry",
    "Function",
    "InternalError",
    "Iterator",
    "Proxy",
    "RED",
    "Reflect",
    "SharedArrayBuffer",
    "SuppressedError",
    "Symbol",
    "WeakRef",
    "__node__",
    "globalThis",
    "performance",
    "promisify",
    "eval",
    "util",
];

/// Functions that are given to these methods, as in `list.map(Number)`, are called and not kept.
const CALLERS: [&str; 6] = ["map", "filter", "some", "every", "find", "findIndex"];

fn is_global(word: &str) -> bool {
    let has_methods = METHODS.iter().any(|(name, _)| *name == word);
    has_methods
        || FUNCTIONS.contains(&word)
        || MORE_FUNCTIONS.contains(&word)
        || OBJECTS.contains(&word)
        || OTHERS.contains(&word)
}

/// Whether the word at `at`, which is no property, is no object that lasts, or is used harmlessly.
pub(super) fn is_harmless(code: &Code<'_>, at: usize, word: &str) -> bool {
    if VALUES.contains(&word) || !is_global(word) {
        return true;
    }
    let is_function = FUNCTIONS.contains(&word) || MORE_FUNCTIONS.contains(&word);
    if is_function && is_called_or_compared(code, at) {
        return true;
    }
    let method = match code.token(at + 2) {
        Some(Token::Word(method)) if code.is_mark(at + 1, '.') => method,
        _ => return false,
    };
    let is_called = code.is_mark(at + 3, '(');
    if matches!(word, "Math" | "Number") && CONSTANTS.contains(&method) {
        return true;
    }
    if word == "node" && NODE.contains(&method) {
        return !code.is_assigned(at + 2);
    }
    if word == "context" && matches!(method, "flow" | "global") {
        let is_method = code.is_mark(at + 3, '.') && code.is_word(at + 4, &["get", "set", "keys"]);
        return is_method && code.is_mark(at + 5, '(');
    }
    let is_known = METHODS.iter().any(|(name, methods)| *name == word && methods.contains(&method));
    is_called && (is_known || OBJECTS.contains(&word))
}

fn is_called_or_compared(code: &Code<'_>, at: usize) -> bool {
    let is_given = code.is_mark(at.wrapping_sub(1), '(')
        && code.is_mark(at + 1, ')')
        && code.is_word(at.wrapping_sub(2), &CALLERS)
        && !has_own_callers(code);
    let is_operand = code.is_word(at.wrapping_sub(1), &["instanceof"])
        && !code.is_mark(at + 1, '.')
        && !code.is_mark(at + 1, '[');
    let is_made = code.is_word(at.wrapping_sub(1), &["new"])
        && !code.is_mark(at + 1, '.')
        && !code.is_mark(at + 1, '[');
    code.is_mark(at + 1, '(') || is_given || is_operand || is_made
}

/// Whether the code may have methods of its own by the names of [`CALLERS`].
fn has_own_callers(code: &Code<'_>) -> bool {
    (0..code.tokens.len())
        .any(|at| code.is_word(at, &CALLERS) && !(code.is_member(at) && code.is_mark(at + 1, '(')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the code of a function finds around it.
    #[test]
    fn every_global_name_is_known() {
        let globals = include_str!("globals.txt").lines();
        let unknown: Vec<_> =
            globals.filter(|name| !is_global(name) && !VALUES.contains(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

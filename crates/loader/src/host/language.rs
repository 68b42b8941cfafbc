//! Expressions that a library compiles and evaluates with the host's languages.

use std::ffi::c_void;
use std::sync::Arc;

use ferrowire_abi::{contained, message, raw};
use ferrowire_core::language::{Expression, Input, Pattern, languages};
use ferrowire_core::{Date, Key, Map, NodeError, Value, number_to_string};

use super::links::{fallible, or_failure};
use super::table::way;

/// What the library holds, by the kind that it asked for.
enum Compiled {
    Expression(Arc<dyn Expression>),
    Pattern(Arc<dyn Pattern>),
}

/// Runs what needs no node.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, NodeError> {
    match contained(work) {
        Ok(result) => result.map_err(NodeError::new),
        Err(panic) => Err(NodeError::new(NodeError::panic_text(&*panic).to_owned())),
    }
}

pub(super) unsafe extern "C" fn compile(
    kind: u32,
    source: raw::Str,
    failure: *mut raw::Failure,
) -> *const c_void {
    // SAFETY: lent for this call.
    let source = unsafe { source.get() };
    let compiled = guarded(|| {
        let languages = languages()?;
        Ok(match kind {
            raw::language::JSONATA => Compiled::Expression(languages.jsonata(source)?),
            _ => Compiled::Pattern(languages.regexp(source, kind == raw::language::REGEXP_I)?),
        })
    });
    // SAFETY: the library's place for it.
    let compiled = unsafe { or_failure(compiled, failure) };
    compiled.map_or(std::ptr::null(), |compiled| Box::into_raw(Box::new(compiled)).cast())
}

pub(super) unsafe extern "C" fn drop_compiled(compiled: *const c_void) {
    // SAFETY: the one call that ends what `compile` made.
    let compiled = unsafe { Box::from_raw(compiled.cast_mut().cast::<Compiled>()) };
    let _contained = contained(|| drop(compiled));
}

pub(super) unsafe extern "C" fn evaluate(
    pointer: *const c_void,
    compiled: *const c_void,
    input: *mut raw::Message,
    is_value: u32,
    bindings: *mut raw::Message,
    failure: *mut raw::Failure,
) -> *mut raw::Message {
    // SAFETY: a way of this side, and what `compile` made; the messages are handed over.
    let (way, compiled, mut input, bindings) = unsafe {
        let bindings = (!bindings.is_null()).then(|| message::from_raw(bindings));
        (way(pointer), &*compiled.cast::<Compiled>(), message::from_raw(input), bindings)
    };
    let evaluated = fallible(way, || {
        let Compiled::Expression(expression) = compiled else {
            return Err("the plugin evaluates a regular expression".into());
        };
        let bindings = bindings.as_ref().map(|bindings| bindings.properties());
        let bindings = bindings.into_iter().flat_map(Map::iter);
        let bindings: Vec<_> = bindings.map(|(name, value)| (&**name, value.clone())).collect();
        if is_value == 0 {
            return expression.evaluate(Input::Message(&input), &bindings, &way.cx);
        }
        let value = input.remove("value").unwrap_or_default();
        expression.evaluate(Input::Value(&value), &bindings, &way.cx)
    });
    // SAFETY: the library's place for it.
    let value = unsafe { or_failure(evaluated, failure) }.flatten();
    value.map_or(std::ptr::null_mut(), message::value_into_raw)
}

pub(super) unsafe extern "C" fn group_names(compiled: *const c_void) -> *mut raw::Message {
    // SAFETY: what `compile` made.
    let Compiled::Pattern(pattern) = (unsafe { &*compiled.cast::<Compiled>() }) else {
        return std::ptr::null_mut();
    };
    let names = pattern.names().iter();
    let names: Map =
        names.map(|(name, at)| (Key::from(name.as_str()), Value::from(*at as f64))).collect();
    message::value_into_raw(names.into())
}

pub(super) unsafe extern "C" fn find(
    compiled: *const c_void,
    text: raw::Str,
    at: usize,
    found: *const raw::language::Found,
    failure: *mut raw::Failure,
) -> u32 {
    // SAFETY: what `compile` made; the text is lent for this call.
    let (compiled, text) = unsafe { (&*compiled.cast::<Compiled>(), text.get()) };
    let search = guarded(|| {
        let Compiled::Pattern(pattern) = compiled else { return Ok(false) };
        if found.is_null() {
            return pattern.is_match(text);
        }
        let Some(groups) = pattern.find_at(text, at)? else { return Ok(false) };
        // SAFETY: lent for this call.
        let found = unsafe { &*found };
        for group in groups {
            let (start, end) = group.map_or((usize::MAX, usize::MAX), |at| (at.start, at.end));
            // SAFETY: the library's function with its data.
            unsafe { (found.group)(found.data, start, end) };
        }
        Ok(true)
    });
    // SAFETY: the library's place for it.
    unsafe { or_failure(search, failure) }.unwrap_or_default().into()
}

pub(super) unsafe extern "C" fn date_text(millis: f64) -> raw::OwnedStr {
    let text = guarded(|| Ok(languages()?.date_text(Date::from_millis(millis))));
    text.map_or(raw::OwnedStr::NONE, raw::OwnedStr::new)
}

pub(super) unsafe extern "C" fn now_as(
    format: raw::Str,
    failure: *mut raw::Failure,
) -> raw::OwnedStr {
    // SAFETY: lent for this call.
    let format = unsafe { format.get() };
    let text = guarded(|| languages()?.now_as(format));
    // SAFETY: the library's place for it.
    unsafe { or_failure(text, failure) }.map_or(raw::OwnedStr::NONE, raw::OwnedStr::new)
}

pub(super) unsafe extern "C" fn number_text(number: f64) -> raw::OwnedStr {
    raw::OwnedStr::new(number_to_string(number))
}

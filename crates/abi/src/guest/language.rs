//! The languages of the host, for the expressions of this library's nodes.

use std::any::Any;
use std::ffi::c_void;
use std::sync::Arc;

use ferrowire_core::language::{Expression, Groups, Input, Languages, Pattern};
use ferrowire_core::{Date, Key, Map, Message, NodeContext, NodeError, Value};

use super::host::RemoteHost;
use super::host_table;
use crate::failure::Failed;
use crate::{message, raw};
use raw::language::{Found, JSONATA, REGEXP, REGEXP_I};

/// The host's implementation.
pub(super) struct Remote;

impl Languages for Remote {
    fn jsonata(&self, source: &str) -> Result<Arc<dyn Expression>, String> {
        Ok(Arc::new(compile(JSONATA, source)?))
    }

    fn regexp(&self, source: &str, ignore_case: bool) -> Result<Arc<dyn Pattern>, String> {
        let compiled = compile(if ignore_case { REGEXP_I } else { REGEXP }, source)?;
        // SAFETY: it was compiled as a regular expression; the names are handed over.
        let names = unsafe { message::value_from_raw((host_table().group_names)(compiled.0)) };
        let names = names.as_ref().and_then(Value::as_object).map(|names| {
            let number = |value: &Value| value.as_f64().map(|number| number as usize);
            let names = names.iter();
            names.filter_map(|(name, at)| Some((name.as_str().to_owned(), number(at)?))).collect()
        });
        Ok(Arc::new(RemotePattern { compiled, names: names.unwrap_or_default() }))
    }

    fn date_text(&self, date: Date) -> String {
        // SAFETY: the text is handed over.
        unsafe { (host_table().date_text)(date.millis()).take() }.unwrap_or_default()
    }

    fn now_as(&self, format: &str) -> Result<String, String> {
        let text = fallible(|failure| {
            // SAFETY: the format is lent for the call, the text handed over.
            unsafe { (host_table().now_as)(raw::Str::new(format), failure).take() }
        })?;
        Ok(text.unwrap_or_default())
    }
}

/// What the host compiled.
struct Compiled(*const c_void);

// SAFETY: the host's functions may be called from any thread.
unsafe impl Send for Compiled {}
// SAFETY: as above.
unsafe impl Sync for Compiled {}

impl Drop for Compiled {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { (host_table().drop_compiled)(self.0) };
    }
}

fn compile(kind: u32, source: &str) -> Result<Compiled, String> {
    fallible(|failure| {
        // SAFETY: the source is lent for the call.
        unsafe { (host_table().compile)(kind, raw::Str::new(source), failure) }
    })
    .map(Compiled)
}

/// Calls a function of the host that may fail.
fn fallible<T>(call: impl FnOnce(*mut raw::Failure) -> T) -> Result<T, String> {
    // SAFETY: `call` passes the place to the host.
    unsafe { Failed::from_call(call) }.map_err(|error| error.to_string())
}

impl Expression for Compiled {
    fn evaluate(
        &self,
        input: Input<'_>,
        bindings: &[(&str, Value)],
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError> {
        let host: &dyn Any = cx.host();
        let Some(host) = host.downcast_ref::<RemoteHost>() else {
            return Err(NodeError::new("the context is not of a node of the runtime"));
        };
        let (input, is_value) = match input {
            Input::Message(msg) => (message::into_raw(msg.clone()), 0),
            Input::Value(value) => (message::value_into_raw(value.clone()), 1),
        };
        let bindings = match bindings {
            [] => std::ptr::null_mut(),
            bindings => {
                let bindings = bindings.iter();
                let bindings: Map =
                    bindings.map(|(name, value)| (Key::from(*name), value.clone())).collect();
                message::into_raw(Message::from(bindings))
            }
        };
        host.evaluate(|table, way, failure| {
            // SAFETY: compiled as JSONata; the messages are handed over, and so is the value.
            unsafe {
                let value = (table.evaluate)(way, self.0, input, is_value, bindings, failure);
                message::value_from_raw(value)
            }
        })
    }
}

struct RemotePattern {
    compiled: Compiled,
    names: Vec<(String, usize)>,
}

impl RemotePattern {
    fn find(&self, text: &str, at: usize, found: *const Found) -> Result<bool, String> {
        fallible(|failure| {
            // SAFETY: compiled as a regular expression; text and groups are lent for the call.
            let found = unsafe {
                (host_table().find)(self.compiled.0, raw::Str::new(text), at, found, failure)
            };
            found != 0
        })
    }
}

unsafe extern "C" fn group(data: *mut c_void, start: usize, end: usize) {
    // SAFETY: the groups of `find_at`, lent for its call.
    let groups = unsafe { &mut *data.cast::<Groups>() };
    groups.push((start != usize::MAX).then_some(start..end));
}

impl Pattern for RemotePattern {
    fn is_match(&self, text: &str) -> Result<bool, String> {
        self.find(text, 0, std::ptr::null())
    }

    fn find_at(&self, text: &str, at: usize) -> Result<Option<Groups>, String> {
        let mut groups = Groups::new();
        let found = Found { data: (&raw mut groups).cast(), group };
        Ok(self.find(text, at, &raw const found)?.then_some(groups))
    }

    fn names(&self) -> &[(String, usize)] {
        &self.names
    }
}

//! The functions of the host for a library.

use std::collections::HashSet;
use std::ffi::c_void;
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;

use ferrowire_abi::failure::Failed;
use ferrowire_abi::{contained, future, message, raw};
use ferrowire_core::{
    Level, Map, MutexExt as _, NodeContext, NodeError, Sending, Status, Text, Value,
};

/// The host of one loaded node.
pub(super) struct Way {
    pub(super) cx: NodeContext,
    /// Entered when the library calls from one of its own threads.
    pub(super) runtime: Handle,
    /// The plugin, for messages about it.
    pub(super) plugin: &'static str,
}

impl Way {
    /// What a library's node gets to call its host with.
    pub(super) fn into_raw(self) -> *const c_void {
        Arc::into_raw(Arc::new(self)).cast()
    }
}

/// The functions.
pub(super) static HOST: raw::HostTable = raw::HostTable {
    size: size_of::<raw::HostTable>(),
    release,
    send,
    status,
    log,
    failed,
    publish,
    env,
    wired: super::links::wired,
    deliver: super::links::deliver,
    find_linked: super::links::find_linked,
    failed_with: super::links::failed_with,
    completed: super::links::completed,
    context_get: super::values::get,
    context_set: super::values::set,
    context_keys: super::values::keys,
    logs: super::log::logs,
    write_log: super::log::write,
    spawn: super::port::spawn,
    port_root: super::port::port_root,
    add_route: super::port::add_route,
    add_upgrade: super::port::add_upgrade,
    remove_route: super::port::remove_route,
    send_to: super::users::send_to,
    status_of: super::users::status_of_one,
    ask: super::users::ask,
    setting,
    log_value,
    compile: super::language::compile,
    drop_compiled: super::language::drop_compiled,
    evaluate: super::language::evaluate,
    group_names: super::language::group_names,
    find: super::language::find,
    date_text: super::language::date_text,
    now_as: super::language::now_as,
    number_text: super::language::number_text,
    run_aside: super::aside::run_aside,
    is_aside: super::aside::is_aside,
};

/// # Safety
/// `way` must come from [`Way::into_raw`] and must not be released yet.
pub(super) unsafe fn way<'a>(way: *const c_void) -> &'a Way {
    // SAFETY: as above.
    unsafe { &*way.cast::<Way>() }
}

/// Runs the host's code inside of the host's runtime, also on a thread of the library's.
pub(super) fn entered(runtime: &Handle, work: impl FnOnce()) {
    let _entered = Handle::try_current().is_err().then(|| runtime.enter());
    work();
}

/// Runs the host's code; it has no panics to speak of, and the library must not see them.
pub(super) fn answered<T>(way: &Way, otherwise: T, work: impl FnOnce() -> T) -> T {
    let mut answer = None;
    let attempt = contained(|| entered(&way.runtime, || answer = Some(work())));
    if let Err(panic) = attempt {
        let reason = NodeError::panic_text(&*panic);
        let plugin = way.plugin;
        tracing::error!(target: "ferrowire::plugins", plugin, "a call of the plugin panicked: {reason}");
    }
    answer.unwrap_or(otherwise)
}

unsafe extern "C" fn release(pointer: *const c_void) {
    // SAFETY: the one call that ends it.
    let way = unsafe { Arc::from_raw(pointer.cast::<Way>()) };
    let _contained = contained(|| drop(way));
}

unsafe extern "C" fn send(
    pointer: *const c_void,
    port: usize,
    message: *mut raw::Message,
) -> raw::Future {
    // SAFETY: a way of this side, and a message that is handed over.
    let (way, msg) = unsafe { (way(pointer), message::from_raw(message)) };
    let sending = answered(way, Sending::done(), || way.cx.send(port, msg));
    rest_of(way, sending)
}

/// What is left of a delivery, for the library to wait for.
pub(super) fn rest_of(way: &Way, sending: Sending) -> raw::Future {
    if sending.is_done() {
        return raw::Future::DONE;
    }
    let runtime = way.runtime.clone();
    let rest = async {
        sending.await;
        Ok(())
    };
    future::into_raw(Box::pin(rest), move |work| entered(&runtime, work))
}

unsafe extern "C" fn status(pointer: *const c_void, whom: u32, status: *mut raw::Status) {
    // SAFETY: a way of this side, and a status that is lent for this call.
    let (way, status) = unsafe { (way(pointer), status_of(status)) };
    answered(way, (), || match whom {
        0 => way.cx.status(status),
        _ => way.cx.status_of_users(status),
    });
}

/// # Safety
/// `status` must be lent for this call, and its details handed over.
pub(super) unsafe fn status_of(status: *mut raw::Status) -> Status {
    // SAFETY: as above.
    let status = unsafe { &*status };
    // SAFETY: as above.
    let (fill, shape, text) = unsafe { (status.fill.get(), status.shape.get(), status.text.get()) };
    let details = match status.details.is_null() {
        true => Map::new(),
        // SAFETY: as above.
        false => unsafe { message::from_raw(status.details) }.into(),
    };
    Status { fill: intern(fill), shape: intern(shape), text: Text::from(text), details }
}

unsafe extern "C" fn log(pointer: *const c_void, level: u32, text: raw::Str) {
    // SAFETY: a way of this side, and a text that is lent for this call.
    let (way, text) = unsafe { (way(pointer), text.get()) };
    answered(way, (), || way.cx.log(level_of(level), format_args!("{text}")));
}

unsafe extern "C" fn log_value(
    pointer: *const c_void,
    level: u32,
    value: *mut raw::Message,
    text: raw::Str,
) {
    // SAFETY: a way of this side, a value that is handed over, and a text that is lent.
    let (way, value, text) =
        unsafe { (way(pointer), message::value_from_raw(value).unwrap_or_default(), text.get()) };
    answered(way, (), || way.cx.log_value(level_of(level), value, text));
}

fn level_of(number: u32) -> Level {
    match number {
        0 => Level::Trace,
        1 => Level::Debug,
        2 => Level::Info,
        3 => Level::Warn,
        _ => Level::Error,
    }
}

unsafe extern "C" fn failed(pointer: *const c_void, failure: raw::Failure) {
    // SAFETY: a way of this side, and a failure that is handed over.
    let (way, failed) = unsafe { (way(pointer), Failed::from_raw(failure)) };
    if let Some(failed) = failed {
        let error = super::node::error_in("a task", way.plugin, failed);
        answered(way, (), || way.cx.fail(error));
    }
}

unsafe extern "C" fn publish(pointer: *const c_void, topic: raw::Str, data: *mut raw::Message) {
    // SAFETY: a way of this side, a topic that is lent, and data that is handed over.
    let (way, topic, data) = unsafe { (way(pointer), topic.get(), message::value_from_raw(data)) };
    answered(way, (), || way.cx.publish(intern(topic), data.unwrap_or_default()));
}

unsafe extern "C" fn setting(pointer: *const c_void, name: raw::Str) -> *mut raw::Message {
    // SAFETY: a way of this side, and a name that is lent for this call.
    let (way, name) = unsafe { (way(pointer), name.get()) };
    let value = answered(way, None, || way.cx.setting_value(name));
    value.map_or(std::ptr::null_mut(), |value| {
        message::value_into_raw(ferrowire_abi::settings::into_value(value))
    })
}

unsafe extern "C" fn env(pointer: *const c_void, name: raw::Str) -> *mut raw::Message {
    // SAFETY: a way of this side, and a name that is lent for this call.
    let (way, name) = unsafe { (way(pointer), name.get()) };
    let value: Option<Value> = answered(way, None, || way.cx.env(name));
    value.map_or(std::ptr::null_mut(), message::value_into_raw)
}

/// How many different colours, shapes, topics and targets all libraries together may use.
const NAMES: usize = 1024;

/// The colours, shapes and topics of linked nodes are constants; those of loaded ones are made
/// so here. The bound keeps a node that generates them from filling the memory.
pub(super) fn intern(name: &str) -> &'static str {
    const KNOWN: [&str; 8] = ["", "red", "green", "yellow", "blue", "grey", "ring", "dot"];
    static OTHERS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    if let Some(known) = KNOWN.iter().find(|known| **known == name) {
        return known;
    }
    let mut others = OTHERS.locked();
    let others = others.get_or_insert_default();
    if let Some(known) = others.get(name) {
        return known;
    }
    if others.len() == NAMES {
        return "";
    }
    let name: &'static str = String::leak(name.to_owned());
    others.insert(name);
    name
}

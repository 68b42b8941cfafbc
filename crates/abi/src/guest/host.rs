//! The host as a node in a library sees it.

use std::any::{Any, TypeId};
use std::ffi::c_void;
use std::fmt;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log::caught;
use super::port::RemotePort;
use crate::failure::Failed;
use crate::future::Foreign;
use crate::{guest, message, raw, settings, slot, users};
use ferrowire_core::port::Port;
use ferrowire_core::{
    Host, Key, Level, Message, NodeError, NodeInfo, PropertyPath, Scope, Sending, SettingValue,
    Status, Users, Value,
};

/// A node's way to its host.
pub(super) struct RemoteHost {
    info: NodeInfo,
    way: Arc<Way>,
    endpoint: Option<String>,
    users: watch::Sender<Users>,
    stopping: CancellationToken,
    port: OnceLock<Option<Arc<dyn Port>>>,
}

/// The host's handle, with the functions that take it.
pub(super) struct Way {
    pub(super) host: *const c_void,
    pub(super) table: &'static raw::HostTable,
}

// SAFETY: the host's functions may be called from any thread.
unsafe impl Send for Way {}
// SAFETY: as above.
unsafe impl Sync for Way {}

impl Way {
    fn fail(&self, failed: Failed) {
        // SAFETY: handed over.
        unsafe { (self.table.failed)(self.host, failed.into_raw()) };
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { (self.table.release)(self.host) };
    }
}

impl RemoteHost {
    /// # Safety
    /// `binding` must be as the host handed it over.
    pub(super) unsafe fn new(info: NodeInfo, binding: &raw::Binding) -> Self {
        let way = Arc::new(Way { host: binding.host, table: guest::host_table() });
        // SAFETY: lent for this call.
        let endpoint = unsafe { binding.endpoint.get() };
        RemoteHost {
            info,
            way,
            endpoint: (!endpoint.is_empty()).then(|| endpoint.to_owned()),
            // SAFETY: handed over.
            users: watch::Sender::new(unsafe { users::from_raw(binding.users) }),
            stopping: CancellationToken::new(),
            port: OnceLock::new(),
        }
    }

    /// Says which nodes use this one.
    pub(super) fn set_users(&self, users: Users) {
        self.users.send_replace(users);
    }

    /// Says that the node stops.
    pub(super) fn cancel(&self) {
        self.stopping.cancel();
    }

    /// Calls a function of the host that may fail.
    fn fallible<T>(&self, call: impl FnOnce(&Way, *mut raw::Failure) -> T) -> Result<T, NodeError> {
        // SAFETY: `call` passes the place to the host.
        unsafe { Failed::from_call(|failure| call(&self.way, failure)) }
    }

    fn fail(&self, failed: Failed, msg: Message) -> Sending {
        let (failure, msg) = (failed.into_raw(), message::into_raw(msg));
        // SAFETY: failure, message and future are handed over.
        unsafe { rest_of((self.way.table.failed_with)(self.way.host, failure, msg)) }
    }

    /// Calls a function of the host that evaluates something for the node.
    pub(super) fn evaluate<T>(
        &self,
        call: impl FnOnce(&raw::HostTable, *const c_void, *mut raw::Failure) -> T,
    ) -> Result<T, NodeError> {
        self.fallible(|way, failure| call(way.table, way.host, failure))
    }

    fn show(&self, whom: u32, status: Status) {
        with_status(status, |status| {
            // SAFETY: the strings are lent for the call, the details handed over.
            unsafe { (self.way.table.status)(self.way.host, whom, status) };
        });
    }
}

fn with_status<T>(status: Status, call: impl FnOnce(*mut raw::Status) -> T) -> T {
    let details = match status.details.is_empty() {
        true => std::ptr::null_mut(),
        false => message::into_raw(Message::from(status.details)),
    };
    let mut raw = raw::Status {
        fill: raw::Str::new(status.fill),
        shape: raw::Str::new(status.shape),
        text: raw::Str::new(&status.text),
        details,
    };
    call(&raw mut raw)
}

impl Host for RemoteHost {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn send(&self, port: usize, msg: Message) -> Sending {
        let msg = message::sent_into_raw(msg);
        // SAFETY: the message is handed over, and so is the future.
        unsafe { rest_of((self.way.table.send)(self.way.host, port, msg)) }
    }

    fn wired(&self, port: usize) -> bool {
        // SAFETY: nothing but a number crosses.
        unsafe { (self.way.table.wired)(self.way.host, port) != 0 }
    }

    fn deliver(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        let (id, msg) = (raw::Str::new(id), message::sent_into_raw(msg));
        self.fallible(|way, failure| {
            // SAFETY: the id is lent for the call, message and future are handed over.
            unsafe { rest_of((way.table.deliver)(way.host, id, msg, failure)) }
        })
    }

    fn find_linked(&self, name: &str) -> Result<String, NodeError> {
        let found = self.fallible(|way, failure| {
            // SAFETY: the name is lent for the call, the id handed over.
            unsafe { (way.table.find_linked)(way.host, raw::Str::new(name), failure).take() }
        })?;
        found.ok_or_else(|| NodeError::new(format!("there is no node `{name}`")))
    }

    fn status(&self, status: Status) {
        self.show(0, status);
    }

    fn status_of_users(&self, status: Status) {
        self.show(1, status);
    }

    fn status_of(&self, user: &str, status: Status) -> Result<(), NodeError> {
        self.fallible(|way, failure| {
            with_status(status, |status| {
                // SAFETY: strings are lent for the call, the details handed over.
                unsafe { (way.table.status_of)(way.host, raw::Str::new(user), status, failure) };
            });
        })
    }

    fn send_to(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        let (id, msg) = (raw::Str::new(id), message::sent_into_raw(msg));
        self.fallible(|way, failure| {
            // SAFETY: the id is lent for the call, message and future are handed over.
            unsafe { rest_of((way.table.send_to)(way.host, id, msg, failure)) }
        })
    }

    fn ask(&self, id: &str, request: Value) -> BoxFuture<'static, Result<Value, NodeError>> {
        let (slot, answer) = slot::new();
        let request = message::value_into_raw(request);
        // SAFETY: the id is lent for the call, all else handed over.
        let asked = unsafe {
            Foreign::new((self.way.table.ask)(self.way.host, raw::Str::new(id), request, slot))
        };
        Box::pin(async move {
            if let Some(asked) = asked {
                asked.await.map_err(NodeError::from)?;
            }
            answer.await.map_err(|_| NodeError::new("the runtime gave no answer"))
        })
    }

    fn log(&self, level: Level, text: fmt::Arguments<'_>) {
        let text = text.to_string();
        // SAFETY: the text is lent for the call.
        unsafe { (self.way.table.log)(self.way.host, level as u32, raw::Str::new(&text)) };
    }

    fn log_value(&self, level: Level, value: Value, text: fmt::Arguments<'_>) {
        let (value, text) = (message::value_into_raw(value), text.to_string());
        // SAFETY: the value is handed over, the text lent for the call.
        unsafe {
            (self.way.table.log_value)(self.way.host, level as u32, value, raw::Str::new(&text));
        }
    }

    fn failed(&self, error: NodeError) {
        self.way.fail(error.into());
    }

    fn failed_with(&self, error: NodeError, msg: Message) -> Sending {
        self.fail(error.into(), msg)
    }

    fn failed_first(&self, error: NodeError, msg: Message) -> Sending {
        self.fail(Failed { first: true, ..Failed::from(error) }, msg)
    }

    fn completed(&self, msg: Message) -> Sending {
        let msg = message::into_raw(msg);
        // SAFETY: message and future are handed over.
        unsafe { rest_of((self.way.table.completed)(self.way.host, msg)) }
    }

    fn publish(&self, topic: &'static str, data: Value) {
        let data = message::value_into_raw(data);
        // SAFETY: the topic is lent for the call, the data handed over.
        unsafe { (self.way.table.publish)(self.way.host, raw::Str::new(topic), data) };
    }

    fn env(&self, name: &str) -> Option<Value> {
        // SAFETY: the name is lent for the call, the value handed over.
        unsafe {
            let value = (self.way.table.env)(self.way.host, raw::Str::new(name));
            message::value_from_raw(value)
        }
    }

    fn setting(&self, name: &str) -> Option<SettingValue> {
        // SAFETY: the name is lent for the call, the value handed over.
        let value = unsafe {
            let value = (self.way.table.setting)(self.way.host, raw::Str::new(name));
            message::value_from_raw(value)
        };
        settings::from_value(&value?)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let task = guest::into_raw(Box::pin(async move {
            quietly(task).await;
            Ok(())
        }));
        // SAFETY: the future is handed over.
        unsafe { (self.way.table.spawn)(self.way.host, task) };
    }

    fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    fn users(&self) -> watch::Receiver<Users> {
        self.users.subscribe()
    }

    fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    fn port(&self) -> Option<Arc<dyn Port>> {
        let ask = || RemotePort::new(&self.way).map(|port| Arc::new(port) as Arc<dyn Port>);
        self.port.get_or_init(ask).clone()
    }

    fn resource(&self, _: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }

    fn context_get(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
    ) -> Result<Option<Value>, NodeError> {
        let place = place(scope, store, Some(path));
        self.fallible(|way, failure| {
            // SAFETY: the place is lent for the call, the value handed over.
            unsafe {
                let value = (way.table.context_get)(way.host, &raw const place, failure);
                message::value_from_raw(value)
            }
        })
    }

    fn context_set(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
        value: Option<Value>,
    ) -> Result<(), NodeError> {
        let place = place(scope, store, Some(path));
        let value = value.map_or(std::ptr::null_mut(), message::value_into_raw);
        self.fallible(|way, failure| {
            // SAFETY: the place is lent for the call, the value handed over.
            unsafe { (way.table.context_set)(way.host, &raw const place, value, failure) };
        })
    }

    fn context_keys(&self, scope: Scope, store: &str) -> Result<Vec<Key>, NodeError> {
        let place = place(scope, store, None);
        let keys = self.fallible(|way, failure| {
            // SAFETY: the place is lent for the call, the names are handed over.
            unsafe {
                let keys = (way.table.context_keys)(way.host, &raw const place, failure);
                message::value_from_raw(keys)
            }
        })?;
        let Some(Value::Array(keys)) = keys else { return Ok(Vec::new()) };
        Ok(keys.iter().filter_map(Value::as_str).map(Key::from).collect())
    }
}

/// The rest of a delivery; the host reports what fails in it.
///
/// # Safety
/// `rest` must be as the host handed it over.
unsafe fn rest_of(rest: raw::Future) -> Sending {
    // SAFETY: passed on to the caller.
    match unsafe { Foreign::new(rest) } {
        None => Sending::done(),
        Some(rest) => Sending::later(Box::pin(async move { drop(rest.await) })),
    }
}

/// The strings are lent, the rest of the path is handed over.
fn place(scope: Scope, store: &str, path: Option<&PropertyPath>) -> raw::Place {
    let rest = path.map(PropertyPath::rest_to_values).filter(|rest| !rest.is_empty());
    raw::Place {
        size: size_of::<raw::Place>(),
        scope: match scope {
            Scope::Node => 0,
            Scope::Flow => 1,
            Scope::Global => 2,
        },
        store: raw::Str::new(store),
        first: raw::Str::new(path.map_or("", PropertyPath::first)),
        rest: rest.map_or(std::ptr::null_mut(), |rest| message::value_into_raw(rest.into())),
    }
}

/// Polls a task so that its panics count as caught.
async fn quietly(mut task: BoxFuture<'static, ()>) {
    std::future::poll_fn(|cx| caught(|| task.poll_unpin(cx))).await;
}

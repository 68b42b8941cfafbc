//! The host as a node in a library sees it.

use std::any::{Any, TypeId};
use std::ffi::c_void;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::future::{Failed, Foreign};
use super::{guest, message, raw};
use crate::{Host, Level, Message, NodeError, NodeInfo, Sending, Status, Value};

/// A node's way to its host.
pub(super) struct RemoteHost {
    info: NodeInfo,
    way: Arc<Way>,
    endpoint: Option<String>,
    users: watch::Sender<usize>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// The host's handle, with the functions that take it.
struct Way {
    host: *const c_void,
    table: &'static raw::HostTable,
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
            users: watch::Sender::new(binding.users),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Says how many nodes use this one.
    pub(super) fn set_users(&self, count: usize) {
        self.users.send_if_modified(|old| std::mem::replace(old, count) != count);
    }

    /// Tells the tasks to end.
    pub(super) fn cancel(&self) {
        self.stopping.cancel();
        self.tasks.close();
    }

    /// Ends when they have.
    pub(super) async fn cancelled(&self) {
        self.tasks.wait().await;
    }

    fn show(&self, whom: u32, status: Status) {
        let details = match status.details.is_empty() {
            true => std::ptr::null_mut(),
            false => message::into_raw(Message::from(status.details)),
        };
        let mut status = raw::Status {
            fill: raw::Str::new(status.fill),
            shape: raw::Str::new(status.shape),
            text: raw::Str::new(&status.text),
            details,
        };
        // SAFETY: the strings are lent for the call, the details handed over.
        unsafe { (self.way.table.status)(self.way.host, whom, &raw mut status) };
    }
}

impl Host for RemoteHost {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn send(&self, port: usize, msg: Message) -> Sending {
        let msg = message::into_raw(msg);
        // SAFETY: the message is handed over, and so is the future.
        let rest = unsafe { Foreign::new((self.way.table.send)(self.way.host, port, msg)) };
        match rest {
            None => Sending::done(),
            // The host reports what fails behind this node.
            Some(rest) => Sending::later(Box::pin(async move { drop(rest.await) })),
        }
    }

    fn status(&self, status: Status) {
        self.show(0, status);
    }

    fn status_of_users(&self, status: Status) {
        self.show(1, status);
    }

    fn log(&self, level: Level, text: fmt::Arguments<'_>) {
        let text = text.to_string();
        // SAFETY: the text is lent for the call.
        unsafe { (self.way.table.log)(self.way.host, level as u32, raw::Str::new(&text)) };
    }

    fn failed(&self, error: NodeError) {
        self.way.fail(error.into());
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

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let stopping = self.stopping.clone();
        let way = Arc::clone(&self.way);
        let work = async move {
            let task = AssertUnwindSafe(task).catch_unwind();
            if let Some(Err(panic)) = stopping.run_until_cancelled_owned(task).await {
                way.fail(Failed::panic(&*panic));
            }
        };
        self.tasks.spawn_on(work, guest::runtime());
    }

    fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    fn users(&self) -> watch::Receiver<usize> {
        self.users.subscribe()
    }

    fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    fn resource(&self, _: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
}

//! A node of a library, as the host sees it.

use std::ffi::c_void;
use std::mem::offset_of;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::table::Way;
use ferrowire_abi::failure::Failed;
use ferrowire_abi::future::Foreign;
use ferrowire_abi::{message, raw, slot};
use ferrowire_core::{
    ExclusiveNode, Handled, Message, Node, NodeContext, NodeError, Sending, StopReason, Users,
    Value,
};

/// A failure of a plugin's code as the error of its node.
pub(super) fn error_in(place: &str, plugin: &str, failed: Failed) -> NodeError {
    match failed {
        Failed { panicked: false, .. } => failed.into(),
        Failed { text, .. } => {
            NodeError::new(format!("{place} of the plugin `{plugin}` panicked: {text}"))
        }
    }
}

/// The functions of a library's nodes. Lent for ever; its `size` says how much of it is there.
#[derive(Clone, Copy)]
pub(super) struct Table(pub(super) *const raw::NodeTable);

// SAFETY: the functions may be called from any thread.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Table {
    /// The table, unless it is smaller than that of the first version.
    ///
    /// # Safety
    /// `table` must be lent for ever.
    pub(super) unsafe fn new(table: *const raw::NodeTable) -> Option<Self> {
        let first = offset_of!(raw::NodeTable, drain);
        // SAFETY: the size is the first field of every version.
        let complete = !table.is_null() && unsafe { (&raw const (*table).size).read() } >= first;
        complete.then_some(Table(table))
    }

    /// Whether the library's version of the table has [`raw::NodeTable::drain`].
    fn has_drain(self) -> bool {
        // SAFETY: lent for ever; the size is the first field of every version.
        let size = unsafe { (&raw const (*self.0).size).read() };
        size >= offset_of!(raw::NodeTable, drain) + size_of::<usize>()
    }
}

/// Calls a function that every version of the table has.
macro_rules! call {
    ($table:expr, $name:ident($($argument:expr),*)) => {
        ((&raw const (*$table.0).$name).read())($($argument),*)
    };
}
pub(super) use call;

/// A node of a library; ends with the last reference.
struct Remote {
    node: *mut c_void,
    table: Table,
    plugin: &'static str,
    /// Set when the node has its context.
    cx: OnceLock<NodeContext>,
}

// SAFETY: the library's functions may be called from any thread.
unsafe impl Send for Remote {}
// SAFETY: as above.
unsafe impl Sync for Remote {}

impl Remote {
    /// Gives the node its context, unless it has it.
    fn bind(self: &Arc<Self>, cx: &NodeContext) {
        self.cx.get_or_init(|| {
            // Before the task that carries changes over first runs there may be one.
            let users = cx.users();
            let way = Way { cx: cx.clone(), runtime: Handle::current(), plugin: self.plugin };
            let binding = raw::Binding {
                size: size_of::<raw::Binding>(),
                host: way.into_raw(),
                endpoint: raw::Str::new(cx.endpoint().unwrap_or_default()),
                users: ferrowire_abi::users::into_raw(&users.borrow()),
            };
            // SAFETY: the node lives; the binding is lent for the call, the way handed over.
            unsafe { call!(self.table, bind(self.node, &raw const binding)) };
            cx.keep(Arc::clone(self).keep(cx.clone(), users));
            cx.clone()
        });
    }

    /// Carries over which nodes use this one, and that it stops.
    async fn keep(self: Arc<Self>, cx: NodeContext, mut users: watch::Receiver<Users>) {
        loop {
            tokio::select! {
                biased;
                () = cx.stopping().cancelled() => break,
                Ok(()) = users.changed() => {
                    let users = ferrowire_abi::users::into_raw(&users.borrow_and_update());
                    // SAFETY: the node lives; the list is handed over.
                    unsafe { call!(self.table, users(self.node, users)) };
                }
            }
        }
        self.finish("a task", self.cancel()).await.unwrap_or_else(|error| cx.fail(error));
    }

    /// Tells the node's tasks to end.
    fn cancel(&self) -> Option<Foreign> {
        // SAFETY: the node lives; the future is handed over.
        unsafe { Foreign::new(call!(self.table, cancel(self.node))) }
    }

    fn start(&self) -> Option<Foreign> {
        // SAFETY: the node lives; the future is handed over.
        unsafe { Foreign::new(call!(self.table, start(self.node))) }
    }

    fn on_message(&self, msg: Message) -> Option<Foreign> {
        // SAFETY: the node lives; message and future are handed over.
        unsafe { Foreign::new(call!(self.table, on_message(self.node, message::into_raw(msg)))) }
    }

    fn on_request(&self, from: &str, request: Value, slot: raw::Slot) -> Option<Foreign> {
        let (from, request) = (raw::Str::new(from), message::value_into_raw(request));
        // SAFETY: the node lives; the id is lent for the call, all else handed over.
        unsafe { Foreign::new(call!(self.table, on_request(self.node, from, request, slot))) }
    }

    fn stop(&self, reason: StopReason) -> Option<Foreign> {
        let reason = match reason {
            StopReason::Removed => 0,
            StopReason::Restarting => 1,
            StopReason::ShuttingDown => 2,
        };
        // SAFETY: the node lives; the future is handed over.
        unsafe { Foreign::new(call!(self.table, stop(self.node, reason))) }
    }

    /// Has the node let its clients go. `None` also if the library is older than that.
    fn drain(&self, window: Duration) -> Option<Foreign> {
        if !self.table.has_drain() {
            return None;
        }
        let milliseconds = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        // SAFETY: the node lives, and the table has the function; the future is handed over.
        unsafe { Foreign::new(call!(self.table, drain(self.node, milliseconds))) }
    }

    fn set_active(&self, active: bool) -> bool {
        let mut failure = raw::Failure::NONE;
        // SAFETY: the node lives.
        let can_be_switched =
            unsafe { call!(self.table, set_active(self.node, active.into(), &raw mut failure)) };
        // SAFETY: written by the library, or none.
        if let (Some(failed), Some(cx)) = (unsafe { Failed::from_raw(failure) }, self.cx.get()) {
            cx.fail(error_in("`set_active`", self.plugin, failed));
        }
        can_be_switched != 0
    }

    fn finish(
        &self,
        place: &'static str,
        future: Option<Foreign>,
    ) -> impl Future<Output = Result<(), NodeError>> + Send + 'static {
        let plugin = self.plugin;
        async move {
            let Some(future) = future else { return Ok(()) };
            future.await.map_err(|failed| error_in(place, plugin, failed))
        }
    }

    /// What the sender of a message waits for that the node keeps.
    fn kept(&self, future: Option<Foreign>) -> Sending {
        if future.is_none() {
            return Sending::done();
        }
        let (rest, cx) = (self.finish("`on_message_now`", future), self.cx.get().cloned());
        Sending::later(Box::pin(async move {
            if let (Err(error), Some(cx)) = (rest.await, cx) {
                cx.fail(error);
            }
        }))
    }

    fn on_message_now(&self, msg: Message) -> Handled {
        let mut emitted: Vec<(usize, Message)> = Vec::new();
        let emit = raw::Emit { data: (&raw mut emitted).cast(), emit };
        let mut handled = std::mem::MaybeUninit::<raw::Handled>::uninit();
        let msg = message::into_raw(msg);
        // SAFETY: the node lives; the message is handed over, the rest is lent for the call.
        let answer = unsafe {
            call!(
                self.table,
                on_message_now(self.node, msg, &raw const emit, handled.as_mut_ptr())
            );
            self.answer(handled.as_ptr(), &mut emitted)
        };
        if emitted.capacity() == 0 {
            // Nearly always: its destructor would run for nothing, at every message.
            std::mem::forget(emitted);
        }
        answer
    }

    /// # Safety
    /// `from` must be what `on_message_now` wrote: the kind, and the fields that belong to it.
    unsafe fn answer(
        &self,
        from: *const raw::Handled,
        emitted: &mut Vec<(usize, Message)>,
    ) -> Handled {
        use raw::handled::{FAILED, KEPT, LATER, NOT_NOW, SEND, SEND_ALL};
        // SAFETY: as above; what is read is handed over.
        unsafe {
            let message = || message::from_raw((&raw const (*from).message).read());
            match (&raw const (*from).kind).read() {
                SEND => Handled::Send((&raw const (*from).port).read(), message()),
                NOT_NOW => Handled::NotNow(message()),
                SEND_ALL => Handled::SendAll(std::mem::take(emitted)),
                LATER => {
                    let future = Foreign::new((&raw const (*from).future).read());
                    Handled::Later(Box::pin(self.finish("`on_message_now`", future)))
                }
                KEPT => {
                    let future = Foreign::new((&raw const (*from).future).read());
                    Handled::Kept(self.kept(future))
                }
                FAILED => {
                    let failed = Failed::from_raw((&raw const (*from).failure).read());
                    let failed = failed.unwrap_or_else(Failed::unknown);
                    Handled::Failed(error_in("`on_message_now`", self.plugin, failed))
                }
                _ => Handled::Done,
            }
        }
    }
}

/// Collects what the node sends.
unsafe extern "C" fn emit(data: *mut c_void, port: usize, message: *mut raw::Message) {
    // SAFETY: the list of the call that is under way, and a message that is handed over.
    unsafe { (*data.cast::<Vec<(usize, Message)>>()).push((port, message::from_raw(message))) };
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Tasks also end with the host's runtime, without a stop of the node.
        drop(self.cancel());
        let mut failure = raw::Failure::NONE;
        // SAFETY: the one call that ends the node.
        unsafe { call!(self.table, drop(self.node, &raw mut failure)) };
        // SAFETY: written by the library, or none.
        let Some(failed) = (unsafe { Failed::from_raw(failure) }) else { return };
        let error = error_in("the destructor", self.plugin, failed);
        match self.cx.get() {
            Some(cx) => cx.fail(error),
            None => tracing::error!(target: "ferrowire::plugins", "{error}"),
        }
    }
}

/// A loaded node in either form.
pub(super) struct LoadedNode(Arc<Remote>);

impl LoadedNode {
    /// # Safety
    /// `node` must be handed over by `table`'s `build`.
    pub(super) unsafe fn new(node: *mut c_void, table: Table, plugin: &'static str) -> Self {
        LoadedNode(Arc::new(Remote { node, table, plugin, cx: OnceLock::new() }))
    }

    async fn started(&self, cx: &NodeContext) -> Result<(), NodeError> {
        self.0.bind(cx);
        self.0.finish("`start`", self.0.start()).await
    }

    async fn handled(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        self.0.bind(cx);
        self.0.finish("`on_message`", self.0.on_message(msg)).await
    }

    async fn stopped(&self, reason: StopReason, cx: &NodeContext) {
        self.0.bind(cx);
        if let Err(error) = self.0.finish("`stop`", self.0.stop(reason)).await {
            cx.fail(error);
        }
    }
}

#[async_trait]
impl Node for LoadedNode {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        self.started(cx).await
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        self.0.bind(cx);
        self.0.on_message_now(msg)
    }

    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        self.handled(msg, cx).await
    }

    async fn on_request(
        &self,
        from: &str,
        request: Value,
        cx: &NodeContext,
    ) -> Result<Value, NodeError> {
        self.0.bind(cx);
        let (slot, answer) = slot::new();
        let future = self.0.on_request(from, request, slot);
        self.0.finish("`on_request`", future).await?;
        answer.await.map_err(|_| NodeError::new("the plugin gave no answer"))
    }

    fn set_active(&self, active: bool) -> bool {
        self.0.set_active(active)
    }

    async fn drain(&self, window: Duration, cx: &NodeContext) {
        self.0.bind(cx);
        if let Err(error) = self.0.finish("`drain`", self.0.drain(window)).await {
            cx.fail(error);
        }
    }

    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        self.stopped(reason, cx).await;
    }
}

/// A loaded node that handles one message at a time.
pub(super) struct LoadedExclusive(pub(super) LoadedNode);

#[async_trait]
impl ExclusiveNode for LoadedExclusive {
    async fn start(&mut self, cx: &NodeContext) -> Result<(), NodeError> {
        self.0.started(cx).await
    }

    async fn on_message(&mut self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        self.0.handled(msg, cx).await
    }

    async fn stop(&mut self, reason: StopReason, cx: &NodeContext) {
        self.0.stopped(reason, cx).await;
    }
}

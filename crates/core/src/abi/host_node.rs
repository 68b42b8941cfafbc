//! A node of a library, as the host sees it.

use std::ffi::c_void;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tokio::runtime::Handle;

use super::future::{Failed, Foreign};
use super::host_table::Way;
use super::{message, raw};
use crate::{ExclusiveNode, Handled, Message, Node, NodeContext, NodeError, StopReason};

/// A failure of a plugin's code as the error of its node.
pub(super) fn error_in(place: &str, plugin: &str, failed: Failed) -> NodeError {
    match failed {
        Failed { text, panicked: false } => NodeError::new(text),
        Failed { text, .. } => {
            NodeError::new(format!("{place} of the plugin `{plugin}` panicked: {text}"))
        }
    }
}

/// A node of a library; ends with the last reference.
struct Remote {
    node: *mut c_void,
    table: &'static raw::NodeTable,
    plugin: &'static str,
    /// Set when the node was told what is around it.
    cx: OnceLock<NodeContext>,
}

// SAFETY: the library's functions may be called from any thread.
unsafe impl Send for Remote {}
// SAFETY: as above.
unsafe impl Sync for Remote {}

impl Remote {
    /// Tells the node what is around it, unless that happened already.
    fn bind(self: &Arc<Self>, cx: &NodeContext) {
        self.cx.get_or_init(|| {
            let way = Way { cx: cx.clone(), runtime: Handle::current(), plugin: self.plugin };
            let binding = raw::Binding {
                size: size_of::<raw::Binding>(),
                host: way.into_raw(),
                endpoint: raw::Str::new(cx.endpoint().unwrap_or_default()),
                users: *cx.users().borrow(),
            };
            // SAFETY: the node lives; the binding is lent for the call, the way handed over.
            unsafe { (self.table.bind)(self.node, &raw const binding) };
            cx.keep(Arc::clone(self).keep(cx.clone()));
            cx.clone()
        });
    }

    /// Carries over how many nodes use this one, and that it stops.
    async fn keep(self: Arc<Self>, cx: NodeContext) {
        let mut users = cx.users();
        loop {
            tokio::select! {
                biased;
                () = cx.stopping().cancelled() => break,
                Ok(()) = users.changed() => {
                    let count = *users.borrow_and_update();
                    // SAFETY: the node lives.
                    unsafe { (self.table.users)(self.node, count) };
                }
            }
        }
        self.finish("a task", self.cancel()).await.unwrap_or_else(|error| cx.fail(error));
    }

    /// Tells the node's tasks to end.
    fn cancel(&self) -> Option<Foreign> {
        // SAFETY: the node lives; the future is handed over.
        unsafe { Foreign::new((self.table.cancel)(self.node)) }
    }

    fn start(&self) -> Option<Foreign> {
        // SAFETY: the node lives; the future is handed over.
        unsafe { Foreign::new((self.table.start)(self.node)) }
    }

    fn on_message(&self, msg: Message) -> Option<Foreign> {
        // SAFETY: the node lives; message and future are handed over.
        unsafe { Foreign::new((self.table.on_message)(self.node, message::into_raw(msg))) }
    }

    fn stop(&self, reason: StopReason) -> Option<Foreign> {
        let reason = match reason {
            StopReason::Removed => 0,
            StopReason::Restarting => 1,
            StopReason::ShuttingDown => 2,
        };
        // SAFETY: the node lives; the future is handed over.
        unsafe { Foreign::new((self.table.stop)(self.node, reason)) }
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

    fn on_message_now(&self, msg: Message) -> Handled {
        let mut emitted: Vec<(usize, Message)> = Vec::new();
        let emit = raw::Emit { data: (&raw mut emitted).cast(), emit };
        let mut handled = std::mem::MaybeUninit::<raw::Handled>::uninit();
        let msg = message::into_raw(msg);
        // SAFETY: the node lives; the message is handed over, the rest is lent for the call,
        // which writes `handled`.
        let handled = unsafe {
            (self.table.on_message_now)(self.node, msg, &raw const emit, handled.as_mut_ptr());
            handled.assume_init()
        };
        match handled.kind {
            // SAFETY: these kinds hand a message over.
            raw::handled::SEND => {
                Handled::Send(handled.port, unsafe { message::from_raw(handled.message) })
            }
            // SAFETY: as above.
            raw::handled::NOT_NOW => Handled::NotNow(unsafe { message::from_raw(handled.message) }),
            raw::handled::SEND_ALL => Handled::SendAll(emitted),
            raw::handled::LATER => {
                // SAFETY: this kind hands a future over.
                let future = unsafe { Foreign::new(handled.future) };
                Handled::Later(Box::pin(self.finish("`on_message_now`", future)))
            }
            // SAFETY: handed over, if there is one.
            raw::handled::FAILED => match unsafe { Failed::from_raw(handled.failure) } {
                Some(failed) => Handled::Failed(error_in("`on_message_now`", self.plugin, failed)),
                None => Handled::Failed(NodeError::new("the node gave no reason")),
            },
            _ => Handled::Done,
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
        // Tasks end also when the host's runtime did, and nobody stopped the node.
        drop(self.cancel());
        let mut failure = raw::Failure::NONE;
        // SAFETY: the one call that ends the node.
        unsafe { (self.table.drop)(self.node, &raw mut failure) };
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
    pub(super) unsafe fn new(
        node: *mut c_void,
        table: &'static raw::NodeTable,
        plugin: &'static str,
    ) -> Self {
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

//! The library's side: its entry, its runtime, and its nodes behind C functions.

mod aside;
mod exclusive;
mod host;
mod language;
mod log;
mod metrics;
mod port;
mod runtime;
mod types;

use std::ffi::c_void;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::failure::Failed;
use crate::slot::Slot;
use crate::{contained, declaration, future, message, raw};
use exclusive::Exclusive;
use ferrowire_core::{
    BuiltNode, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeInfo, StopReason,
};
use host::RemoteHost;
use runtime::{Own, THREADS, entered};

static LIBRARY: raw::Library = raw::Library {
    magic: crate::MAGIC,
    major: crate::MAJOR,
    minor: crate::MINOR,
    size: size_of::<raw::Library>() as u32,
    core_version: raw::Str::new(declaration::CORE_VERSION),
    rustc: raw::Str::new(declaration::RUSTC),
    init,
    threads: THREADS as u32,
};

/// The one symbol that every plugin library exports, because it depends on this crate.
#[unsafe(no_mangle)]
extern "C" fn ferrowire_plugin() -> *const raw::Library {
    let _kept = declaration::keep();
    &raw const LIBRARY
}

static NODES: raw::NodeTable = raw::NodeTable {
    size: size_of::<raw::NodeTable>(),
    build,
    drop: drop_node,
    bind,
    start,
    on_message_now,
    on_message,
    stop,
    cancel,
    users,
    set_active,
    on_request,
    drain,
};

struct Started {
    host: &'static raw::HostTable,
    runtime: Own,
}

static STARTED: OnceLock<Started> = OnceLock::new();

/// The host's functions, set by `init`, before there are any nodes.
#[expect(clippy::expect_used, reason = "only nodes ask, and they are made after `init`")]
fn started() -> &'static Started {
    STARTED.get().expect("the host calls `init` first")
}

pub(super) fn host_table() -> &'static raw::HostTable {
    started().host
}

unsafe extern "C" fn init(init: *const raw::Init, ready: *mut raw::Ready) {
    // SAFETY: lent by the host for this call.
    let init = unsafe { &*init };
    let failed = match contained(|| set_up(init)) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Failed::from(error)),
        Err(panic) => Some(Failed::panic(&*panic)),
    };
    let types = types::types();
    let (first, type_size) = types.raw();
    let answer = raw::Ready {
        types: first,
        type_size,
        types_len: types.list.len(),
        nodes: &raw const NODES,
        metrics: metrics::describe(),
        read_metric: Some(metrics::read),
        failure: failed.map_or(raw::Failure::NONE, Failed::into_raw),
    };
    // SAFETY: the host's place for it.
    unsafe { ready.write(answer) };
}

fn set_up(init: &raw::Init) -> Result<(), NodeError> {
    // SAFETY: lent for this call; the table is lent for ever.
    let (name, size) = unsafe { (init.name.get(), (&raw const (*init.host).size).read()) };
    if size < size_of::<raw::HostTable>() {
        return Err("the runtime is older than the plugin".into());
    }
    if cfg!(panic = "abort") {
        // The declaration has it too, but a host may be configured not to read it.
        return Err(NodeError::new(
            "it was built with `panic = \"abort\"`, so that a panic in it would end the runtime; build it \
             with `panic = \"unwind\"`",
        ));
    }
    // SAFETY: lent for ever, and as long as was checked.
    let host = unsafe { &*init.host };
    let runtime = Own::start(name)?;
    if STARTED.set(Started { host, runtime }).is_err() {
        return Err(NodeError::new("the library was started before"));
    }
    ferrowire_core::language::provide(&language::Remote);
    ferrowire_core::bus::provide_workers(&aside::Remote);
    log::start(String::leak(name.to_owned()), host);
    entered(ferrowire_core::set_up).map_err(|failed| NodeError::new(failed.reason))
}

/// A node in this library.
struct GuestNode {
    node: Box<dyn Node>,
    /// Whether it handles one message at a time.
    is_exclusive: bool,
    info: NodeInfo,
    bound: OnceLock<Bound>,
}

struct Bound {
    host: Arc<RemoteHost>,
    cx: NodeContext,
}

impl GuestNode {
    fn cx(&self) -> Result<&NodeContext, NodeError> {
        match self.bound.get() {
            Some(bound) => Ok(&bound.cx),
            None => Err(NodeError::new("the host did not say what is around the node")),
        }
    }
}

/// The node behind a pointer.
///
/// # Safety
/// `node` must come from [`build`], and [`drop_node`] must not have been called.
unsafe fn node<'a>(node: *mut c_void) -> &'a GuestNode {
    // SAFETY: as above.
    unsafe { &*node.cast_const().cast::<GuestNode>() }
}

/// The same, for futures that may outlive the call.
///
/// # Safety
/// As [`node`].
unsafe fn shared_node(node: *mut c_void) -> Arc<GuestNode> {
    let node = node.cast_const().cast::<GuestNode>();
    // SAFETY: `build` made it with `Arc::into_raw`; the count is raised before it is taken.
    unsafe {
        Arc::increment_strong_count(node);
        Arc::from_raw(node)
    }
}

fn into_raw(work: future::Work) -> raw::Future {
    future::into_raw(work, |work| entered(work))
}

unsafe extern "C" fn build(index: usize, config: *const raw::Config, built: *mut raw::Built) {
    // SAFETY: lent by the host for this call.
    let config = unsafe { &*config };
    let result = contained(|| entered(|| build_node(index, config)));
    let (node, exclusive, failure) = match result {
        Ok(Ok(node)) => {
            let exclusive = node.is_exclusive;
            let node = Arc::into_raw(Arc::new(node)).cast_mut().cast();
            (node, exclusive.into(), raw::Failure::NONE)
        }
        Ok(Err(error)) => (std::ptr::null_mut(), 0, Failed::from(error).into_raw()),
        Err(panic) => (std::ptr::null_mut(), 0, Failed::panic(&*panic).into_raw()),
    };
    // SAFETY: the host's place for it.
    unsafe { built.write(raw::Built { node, exclusive, failure }) };
}

fn build_node(index: usize, config: &raw::Config) -> Result<GuestNode, NodeError> {
    // SAFETY: the properties are handed over.
    let properties = unsafe { message::from_raw(config.properties) };
    let node_type = types::types().list.get(index);
    let node_type = node_type.ok_or("the library has no such node type")?;
    // SAFETY: lent for this call.
    let text = |text: raw::Str| unsafe { text.get() }.to_owned();
    let info = NodeInfo {
        id: text(config.info.id),
        node_type: text(config.info.node_type),
        name: text(config.info.name),
        flow: text(config.info.flow),
        alias: text(config.alias),
        path: text(config.path),
    };
    let find = |id: &str| {
        // SAFETY: the host's function with its data; what it returns is handed over.
        let found = unsafe { (config.find)(config.data, raw::Str::new(id)) };
        // SAFETY: not null.
        (!found.is_null()).then(|| unsafe { message::from_raw(found) }.into())
    };
    let mut node_config = NodeConfig::new(info.clone(), properties.into(), &find);
    let built = node_type.build(&mut node_config);
    for problem in node_config.take_problems() {
        let (property, text) = (raw::Str::new(&problem.property), raw::Str::new(&problem.text));
        // SAFETY: the host's function with its data; the strings are lent for the call.
        unsafe { (config.problem)(config.data, property, text) };
    }
    let (node, is_exclusive): (Box<dyn Node>, bool) = match built {
        BuiltNode::Shared(node) => (node, false),
        BuiltNode::Exclusive(node) => (Box::new(Exclusive::new(node)), true),
    };
    Ok(GuestNode { node, is_exclusive, info, bound: OnceLock::new() })
}

unsafe extern "C" fn drop_node(node: *mut c_void, failure: *mut raw::Failure) {
    // SAFETY: the one call that ends what `build` made.
    let node = unsafe { Arc::from_raw(node.cast_const().cast::<GuestNode>()) };
    if let Err(panic) = contained(|| entered(|| drop(node))) {
        // SAFETY: the host's place for it.
        unsafe { failure.write(Failed::panic(&*panic).into_raw()) };
    }
}

unsafe extern "C" fn bind(pointer: *mut c_void, binding: *const raw::Binding) {
    // SAFETY: a node of this library, and a binding that is lent for this call.
    let (node, binding) = unsafe { (node(pointer), &*binding) };
    // SAFETY: the host's way is handed over.
    let host = Arc::new(unsafe { RemoteHost::new(node.info.clone(), binding) });
    let cx = NodeContext::new(Arc::clone(&host) as _);
    node.bound.get_or_init(|| Bound { host, cx });
}

unsafe extern "C" fn start(node: *mut c_void) -> raw::Future {
    // SAFETY: a node of this library.
    let node = unsafe { shared_node(node) };
    into_raw(Box::pin(async move { node.node.start(node.cx()?).await }))
}

unsafe extern "C" fn on_message_now(
    pointer: *mut c_void,
    message: *mut raw::Message,
    emit: *const raw::Emit,
    handled: *mut raw::Handled,
) {
    // SAFETY: a node of this library, and a message that is handed over.
    let (node, msg) = unsafe { (node(pointer), message::from_raw(message)) };
    let attempt = contained(|| {
        let handled_now = entered(|| handle_now(node, msg));
        // SAFETY: both are lent for this call.
        unsafe { answer(handled_now, &*emit, handled) };
    });
    if let Err(panic) = attempt {
        // SAFETY: as above; the kind is written last, so nothing has been answered.
        unsafe { answer_failed(Failed::panic(&*panic), handled) };
    }
}

fn handle_now(node: &GuestNode, msg: Message) -> Handled {
    match node.cx() {
        Ok(cx) => node.node.on_message_now(msg, cx),
        Err(error) => Handled::Failed(error),
    }
}

/// Writes the fields that belong to the kind, and no others: this is the way of every message.
///
/// # Safety
/// `to` must be the host's place for the answer.
#[inline]
unsafe fn answer(handled: Handled, emit: &raw::Emit, to: *mut raw::Handled) {
    use raw::handled::{DONE, KEPT, LATER, NOT_NOW, SEND, SEND_ALL};
    // SAFETY: as above; none of the fields is read before it is written.
    unsafe {
        let kind = match handled {
            Handled::Send(port, msg) => {
                (&raw mut (*to).port).write(port);
                (&raw mut (*to).message).write(message::sent_into_raw(msg));
                SEND
            }
            Handled::NotNow(msg) => {
                (&raw mut (*to).message).write(message::into_raw(msg));
                NOT_NOW
            }
            Handled::Done => DONE,
            Handled::SendAll(messages) => {
                for (port, msg) in messages {
                    (emit.emit)(emit.data, port, message::sent_into_raw(msg));
                }
                SEND_ALL
            }
            Handled::Kept(sending) => {
                let rest = match sending.is_done() {
                    true => raw::Future::DONE,
                    false => into_raw(Box::pin(async move {
                        sending.await;
                        Ok(())
                    })),
                };
                (&raw mut (*to).future).write(rest);
                KEPT
            }
            Handled::Later(work) => {
                (&raw mut (*to).future).write(into_raw(work));
                LATER
            }
            Handled::Failed(error) => return answer_failed(error.into(), to),
        };
        (&raw mut (*to).kind).write(kind);
    }
}

/// # Safety
/// As [`answer`].
#[cold]
unsafe fn answer_failed(failed: Failed, to: *mut raw::Handled) {
    // SAFETY: as above.
    unsafe {
        (&raw mut (*to).failure).write(failed.into_raw());
        (&raw mut (*to).kind).write(raw::handled::FAILED);
    }
}

unsafe extern "C" fn on_message(node: *mut c_void, message: *mut raw::Message) -> raw::Future {
    // SAFETY: a node of this library, and a message that is handed over.
    let (node, msg) = unsafe { (shared_node(node), message::from_raw(message)) };
    into_raw(Box::pin(async move { node.node.on_message(msg, node.cx()?).await }))
}

unsafe extern "C" fn stop(node: *mut c_void, reason: u32) -> raw::Future {
    // SAFETY: a node of this library.
    let node = unsafe { shared_node(node) };
    let reason = match reason {
        0 => StopReason::Removed,
        1 => StopReason::Restarting,
        _ => StopReason::ShuttingDown,
    };
    into_raw(Box::pin(async move {
        node.node.stop(reason, node.cx()?).await;
        Ok(())
    }))
}

unsafe extern "C" fn drain(node: *mut c_void, milliseconds: u64) -> raw::Future {
    // SAFETY: a node of this library.
    let node = unsafe { shared_node(node) };
    into_raw(Box::pin(async move {
        node.node.drain(Duration::from_millis(milliseconds), node.cx()?).await;
        Ok(())
    }))
}

unsafe extern "C" fn cancel(pointer: *mut c_void) -> raw::Future {
    // SAFETY: a node of this library.
    if let Some(bound) = unsafe { node(pointer) }.bound.get() {
        bound.host.cancel();
    }
    raw::Future::DONE
}

unsafe extern "C" fn users(pointer: *mut c_void, users: *mut raw::Message) {
    // SAFETY: a node of this library; the list is handed over.
    let (node, users) = unsafe { (node(pointer), crate::users::from_raw(users)) };
    if let Some(bound) = node.bound.get() {
        bound.host.set_users(users);
    }
}

unsafe extern "C" fn on_request(
    pointer: *mut c_void,
    from: raw::Str,
    request: *mut raw::Message,
    slot: raw::Slot,
) -> raw::Future {
    // SAFETY: a node of this library; the id is lent for this call, the rest handed over.
    let (node, from, request, slot) = unsafe {
        (
            shared_node(pointer),
            from.get().to_owned(),
            message::value_from_raw(request).unwrap_or_default(),
            Slot::new(slot),
        )
    };
    into_raw(Box::pin(async move {
        slot.fill(node.node.on_request(&from, request, node.cx()?).await?);
        Ok(())
    }))
}

unsafe extern "C" fn set_active(
    pointer: *mut c_void,
    active: u32,
    failure: *mut raw::Failure,
) -> u32 {
    // SAFETY: a node of this library.
    let node = unsafe { node(pointer) };
    match contained(|| entered(|| node.node.set_active(active != 0))) {
        Ok(can_be_switched) => can_be_switched.into(),
        Err(panic) => {
            // SAFETY: the host's place for it.
            unsafe { failure.write(Failed::panic(&*panic).into_raw()) };
            0
        }
    }
}

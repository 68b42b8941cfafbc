//! The functions of the host for a library: the port; and the library's handlers for the port.

use std::ffi::c_void;
use std::sync::Arc;

use async_trait::async_trait;
use ferrowire_abi::future::Foreign;
use ferrowire_abi::raw::port::{Handler, HandlerTable, Reply, ReplyTable};
use ferrowire_abi::{contained, http as crossing, raw, stream};
use ferrowire_core::port::{
    Answer, Incoming, Origin, Place, Registration, Response, Route, TakeOver, Upgrade, text,
};
use ferrowire_core::{NodeContext, NodeError};
use http::request::Parts;
use http::{Method, StatusCode};
use tokio::sync::oneshot;

use super::links::{fallible, or_failure};
use super::table::{Way, answered, way};

fn place(number: u32) -> Place {
    match number {
        0 => Place::Flows,
        _ => Place::Admin,
    }
}

pub(super) unsafe extern "C" fn port_root(pointer: *const c_void, number: u32) -> raw::OwnedStr {
    // SAFETY: a way of this side.
    let way = unsafe { way(pointer) };
    let root = || way.cx.port().ok().map(|port| port.root(place(number)).to_owned());
    answered(way, None, root).map_or(raw::OwnedStr::NONE, raw::OwnedStr::new)
}

pub(super) unsafe extern "C" fn add_route(
    pointer: *const c_void,
    number: u32,
    name: raw::Str,
    permission: raw::Str,
    handler: Handler,
    earlier: *mut raw::OwnedStr,
    failure: *mut raw::Failure,
) -> *mut c_void {
    // SAFETY: a way of this side; the strings are lent for this call.
    let (way, name, permission) = unsafe { (way(pointer), name.get(), permission.get()) };
    let handler = Arc::new(Remote::new(handler, way));
    let added = fallible(way, || {
        let route = Route {
            place: place(number),
            name: name.to_owned(),
            permission: permission.to_owned(),
        };
        way.cx.port()?.add_route(way.cx.info(), route, handler)
    });
    // SAFETY: the library's place for it.
    let Some(registration) = (unsafe { or_failure(added, failure) }) else {
        return std::ptr::null_mut();
    };
    if !registration.earlier().is_empty() {
        let ids = raw::OwnedStr::new(registration.earlier().join("\n"));
        // SAFETY: the library's place for it.
        unsafe { earlier.write(ids) };
    }
    registered(registration)
}

pub(super) unsafe extern "C" fn add_upgrade(
    pointer: *const c_void,
    path: raw::Str,
    handler: Handler,
    failure: *mut raw::Failure,
) -> *mut c_void {
    // SAFETY: a way of this side; the path is lent for this call.
    let (way, path) = unsafe { (way(pointer), path.get()) };
    let handler = Arc::new(Remote::new(handler, way));
    let added = fallible(way, || way.cx.port()?.add_upgrade(way.cx.info(), path, handler));
    // SAFETY: the library's place for it.
    unsafe { or_failure(added, failure) }.map_or(std::ptr::null_mut(), registered)
}

fn registered(registration: Registration) -> *mut c_void {
    Box::into_raw(Box::new(registration)).cast()
}

pub(super) unsafe extern "C" fn remove_route(registered: *mut c_void) {
    // SAFETY: made by `registered`, and given up with this call.
    let registration = unsafe { Box::from_raw(registered.cast::<Registration>()) };
    let _contained = contained(|| drop(registration));
}

/// A handler of a library.
struct Remote {
    handler: Handler,
    /// The node that handles the requests, for its errors.
    cx: NodeContext,
    plugin: &'static str,
}

// SAFETY: the library's functions may be called from any thread.
unsafe impl Send for Remote {}
// SAFETY: as above.
unsafe impl Sync for Remote {}

impl Remote {
    fn new(handler: Handler, way: &Way) -> Self {
        Remote { handler, cx: way.cx.clone(), plugin: way.plugin }
    }

    fn table(&self) -> &'static HandlerTable {
        // SAFETY: lent for ever.
        unsafe { &*self.handler.table }
    }

    /// Hands a request over.
    fn begin(&self, head: &Parts, origin: Origin, body: raw::port::Body) -> Handling {
        let (sender, replied) = oneshot::channel();
        let data = Box::into_raw(Box::new(Some(sender))).cast();
        let reply = Reply { data, table: &raw const REPLY };
        let future = crossing::lend_request(head, origin, body, |request| {
            // SAFETY: the handler lives; the head is lent for the call, the rest handed over.
            unsafe { Foreign::new((self.table().handle)(self.handler.data, request, reply)) }
        });
        Handling { future, replied }
    }

    /// Waits for what comes of a request; `None` when the library does not answer it.
    async fn finish(&self, Handling { future, replied }: Handling) -> Option<Replied> {
        if let Some(future) = future
            && let Err(failed) = future.await
        {
            self.cx.fail(super::node::error_in("a handler of requests", self.plugin, failed));
        }
        replied.await.ok()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { (self.table().drop)(self.handler.data) };
    }
}

#[async_trait]
impl Answer for Remote {
    fn answers(&self, method: &Method, path: &str) -> bool {
        let (method, path) = (raw::Str::new(method.as_str()), raw::Str::new(path));
        // SAFETY: the handler lives; the strings are lent for the call.
        match unsafe { (self.table().answers)(self.handler.data, method, path) } {
            0 => false,
            1 => true,
            _ => {
                let text = format!("`answers` of the plugin `{}` panicked", self.plugin);
                self.cx.fail(NodeError::new(text));
                false
            }
        }
    }

    async fn answer(&self, incoming: Incoming) -> Response {
        let (head, body) = incoming.request.into_parts();
        let handling = self.begin(&head, incoming.origin, crossing::body_into_raw(body));
        match self.finish(handling).await {
            Some(Replied::Response(response)) => response,
            Some(Replied::TakeOver(_)) | None => failed(),
        }
    }
}

#[async_trait]
impl Upgrade for Remote {
    async fn upgrade(&self, head: Parts, origin: Origin) -> Result<TakeOver, Response> {
        let handling = self.begin(&head, origin, crossing::NO_BODY);
        match self.finish(handling).await {
            Some(Replied::TakeOver(take_over)) => Ok(take_over),
            Some(Replied::Response(refusal)) => Err(refusal),
            None => Err(failed()),
        }
    }
}

/// A request that a library handles.
struct Handling {
    future: Option<Foreign>,
    replied: oneshot::Receiver<Replied>,
}

/// The answer when a library gives none.
fn failed() -> Response {
    text(StatusCode::INTERNAL_SERVER_ERROR, "the node failed")
}

/// What a library answers.
enum Replied {
    Response(Response),
    TakeOver(TakeOver),
}

type Sender = Option<oneshot::Sender<Replied>>;

static REPLY: ReplyTable =
    ReplyTable { size: size_of::<ReplyTable>(), respond, take_over, drop: drop_reply };

/// # Safety
/// `data` must be the state of a reply that has not ended.
unsafe fn reply(data: *mut c_void, replied: Replied) {
    // SAFETY: as above; only one call is under way.
    let sender = unsafe { &mut *data.cast::<Sender>() };
    if let Some(sender) = sender.take() {
        // The client may have left.
        let _left = sender.send(replied);
    }
}

unsafe extern "C" fn respond(data: *mut c_void, response: *const raw::port::Response) {
    // SAFETY: the reply lives; the response is lent for this call, its body handed over.
    let _contained = contained(|| unsafe {
        reply(data, Replied::Response(crossing::take_response(response)));
    });
}

unsafe extern "C" fn take_over(data: *mut c_void, take_over: raw::port::TakeOver) {
    let remote = RemoteTakeOver(take_over);
    let hand_over: TakeOver = Box::new(move |connection, early| {
        let remote = std::mem::ManuallyDrop::new(remote);
        let connection = stream::into_raw(connection);
        // SAFETY: the one call that ends it; the connection is handed over.
        unsafe { (remote.0.call)(remote.0.data, connection, stream::slice(&early)) };
    });
    // SAFETY: the reply lives.
    let _contained = contained(std::panic::AssertUnwindSafe(|| unsafe {
        reply(data, Replied::TakeOver(hand_over));
    }));
}

unsafe extern "C" fn drop_reply(data: *mut c_void) {
    // SAFETY: made by `handle`, and given up with this call.
    drop(unsafe { Box::from_raw(data.cast::<Sender>()) });
}

/// What takes a connection over in a library.
struct RemoteTakeOver(raw::port::TakeOver);

// SAFETY: the library's functions may be called from any thread.
unsafe impl Send for RemoteTakeOver {}

impl Drop for RemoteTakeOver {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it; a connection was not handed over.
        unsafe { (self.0.drop)(self.0.data) };
    }
}

/// Runs a task of a library's node.
pub(super) unsafe extern "C" fn spawn(pointer: *const c_void, task: raw::Future) {
    // SAFETY: a way of this side; the future is handed over.
    let (way, task) = unsafe { (way(pointer), Foreign::new(task)) };
    let Some(task) = task else { return };
    let (cx, plugin) = (way.cx.clone(), way.plugin);
    answered(way, (), || {
        way.cx.spawn(async move {
            if let Err(failed) = task.await {
                let error: NodeError = super::node::error_in("a task", plugin, failed);
                cx.fail(error);
            }
        });
    });
}

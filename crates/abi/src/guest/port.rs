//! The port as nodes in a library get it, and their handlers as C functions.

use std::any::Any;
use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

use ::bytes::Bytes;
use ferrowire_core::port::{
    Answer, ByteStream, Place, Port, Registration, Response, Route, TakeOver, Upgrade,
};
use ferrowire_core::{NodeError, NodeInfo};
use http::Method;

use super::host::Way;
use super::{entered, into_raw};
use crate::failure::Failed;
use crate::raw::port::{Handler, HandlerTable, Reply, Slice, Stream};
use crate::{contained, http as crossing, raw, stream};

/// The port of the host.
pub(super) struct RemotePort {
    way: Arc<Way>,
    flows: String,
    admin: String,
}

impl RemotePort {
    /// The port, unless the host has none.
    pub(super) fn new(way: &Arc<Way>) -> Option<Self> {
        // SAFETY: a number crosses; the root is handed over.
        let root = |place| unsafe { (way.table.port_root)(way.host, place).take() };
        Some(RemotePort { way: Arc::clone(way), flows: root(0)?, admin: root(1)? })
    }
}

impl fmt::Debug for RemotePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemotePort").field("flows", &self.flows).finish_non_exhaustive()
    }
}

impl Port for RemotePort {
    fn root(&self, place: Place) -> &str {
        match place {
            Place::Flows => &self.flows,
            Place::Admin => &self.admin,
        }
    }

    fn add_route(
        &self,
        _: &NodeInfo,
        route: Route,
        answer: Arc<dyn Answer>,
    ) -> Result<Registration, NodeError> {
        let place = match route.place {
            Place::Flows => 0,
            Place::Admin => 1,
        };
        let handler = handler(Handled::Answer(answer));
        let (mut earlier, mut failure) = (raw::OwnedStr::NONE, raw::Failure::NONE);
        // SAFETY: strings are lent for the call, the handler handed over.
        let registered = unsafe {
            (self.way.table.add_route)(
                self.way.host,
                place,
                raw::Str::new(&route.name),
                raw::Str::new(&route.permission),
                handler,
                &raw mut earlier,
                &raw mut failure,
            )
        };
        // SAFETY: written by the host, or none.
        let earlier = unsafe { earlier.take() }.unwrap_or_default();
        let earlier = earlier.lines().map(str::to_owned).collect();
        // SAFETY: as above.
        unsafe { self.registered(registered, failure, earlier) }
    }

    fn add_upgrade(
        &self,
        _: &NodeInfo,
        path: &str,
        upgrade: Arc<dyn Upgrade>,
    ) -> Result<Registration, NodeError> {
        let handler = handler(Handled::Upgrade(upgrade));
        let mut failure = raw::Failure::NONE;
        // SAFETY: the path is lent for the call, the handler handed over.
        let registered = unsafe {
            (self.way.table.add_upgrade)(
                self.way.host,
                raw::Str::new(path),
                handler,
                &raw mut failure,
            )
        };
        // SAFETY: written by the host, or none.
        unsafe { self.registered(registered, failure, Vec::new()) }
    }
}

impl RemotePort {
    /// # Safety
    /// Both must be as the host handed them over.
    unsafe fn registered(
        &self,
        registered: *mut c_void,
        failure: raw::Failure,
        earlier: Vec<String>,
    ) -> Result<Registration, NodeError> {
        // SAFETY: as above.
        if let Some(failed) = unsafe { Failed::from_raw(failure) } {
            return Err(failed.into());
        }
        let guard: Box<dyn Any + Send + Sync> =
            Box::new(Registered { way: Arc::clone(&self.way), registered });
        Ok(Registration::new(guard, earlier))
    }
}

/// A registration at the host.
struct Registered {
    way: Arc<Way>,
    registered: *mut c_void,
}

// SAFETY: the host's functions may be called from any thread.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

impl Drop for Registered {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { (self.way.table.remove_route)(self.registered) };
    }
}

/// What handles requests in this library.
enum Handled {
    Answer(Arc<dyn Answer>),
    Upgrade(Arc<dyn Upgrade>),
}

static HANDLER: HandlerTable =
    HandlerTable { size: size_of::<HandlerTable>(), answers, handle, drop: drop_handler };

fn handler(handled: Handled) -> Handler {
    Handler { data: Box::into_raw(Box::new(handled)).cast(), table: &raw const HANDLER }
}

unsafe extern "C" fn answers(data: *mut c_void, method: raw::Str, path: raw::Str) -> u32 {
    // SAFETY: a handler of this library; the strings are lent for this call.
    let (handled, method, path) = unsafe { (&*data.cast::<Handled>(), method.get(), path.get()) };
    let Handled::Answer(answer) = handled else { return 0 };
    let Ok(method) = Method::try_from(method) else { return 0 };
    contained(|| entered(|| answer.answers(&method, path))).map_or(2, u32::from)
}

unsafe extern "C" fn handle(
    data: *mut c_void,
    request: *const raw::port::Request,
    reply: Reply,
) -> raw::Future {
    // SAFETY: a handler of this library; the request is lent for this call, body and reply are
    // handed over.
    let (handled, taken) = unsafe { (&*data.cast::<Handled>(), crossing::take_request(request)) };
    let reply = Pending(reply);
    let Some(incoming) = taken else { return raw::Future::DONE };
    match handled {
        Handled::Answer(answer) => {
            let answer = Arc::clone(answer);
            into_raw(Box::pin(async move {
                reply.respond(answer.answer(incoming).await);
                Ok(())
            }))
        }
        Handled::Upgrade(upgrade) => {
            let upgrade = Arc::clone(upgrade);
            let (head, _) = incoming.request.into_parts();
            into_raw(Box::pin(async move {
                match upgrade.upgrade(head, incoming.origin).await {
                    Ok(take_over) => reply.take_over(take_over),
                    Err(refusal) => reply.respond(refusal),
                }
                Ok(())
            }))
        }
    }
}

unsafe extern "C" fn drop_handler(data: *mut c_void) {
    // SAFETY: the one call that ends what `handler` made.
    let handled = unsafe { Box::from_raw(data.cast::<Handled>()) };
    let _contained = contained(|| entered(|| drop(handled)));
}

/// An answer that the host waits for.
struct Pending(Reply);

// SAFETY: the host's functions may be called from any thread.
unsafe impl Send for Pending {}
// SAFETY: as above; all of them need the reply itself.
unsafe impl Sync for Pending {}

impl Pending {
    fn respond(self, response: Response) {
        crossing::lend_response(response, |response| {
            // SAFETY: the reply lives; the response is lent for the call.
            unsafe { ((*self.0.table).respond)(self.0.data, response) };
        });
    }

    fn take_over(self, take_over: TakeOver) {
        let data = Box::into_raw(Box::new(take_over)).cast();
        let take_over = raw::port::TakeOver { data, call: take, drop: drop_take_over };
        // SAFETY: the reply lives; what takes over is handed over.
        unsafe { ((*self.0.table).take_over)(self.0.data, take_over) };
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { ((*self.0.table).drop)(self.0.data) };
    }
}

unsafe extern "C" fn take(data: *mut c_void, connection: Stream, early: Slice) {
    // SAFETY: made above, and given up with this call; the connection is handed over.
    let (take_over, connection): (_, ByteStream) =
        unsafe { (Box::from_raw(data.cast::<TakeOver>()), stream::from_raw(connection)) };
    // SAFETY: lent for this call.
    let early = Bytes::copy_from_slice(unsafe { stream::bytes(early) });
    let attempt = std::panic::AssertUnwindSafe(|| entered(|| take_over(connection, early)));
    if let Err(panic) = contained(attempt) {
        let reason = NodeError::panic_text(&*panic);
        tracing::error!(target: "ferrowire::plugins", "taking a connection over panicked: {reason}");
    }
}

unsafe extern "C" fn drop_take_over(data: *mut c_void) {
    // SAFETY: made above, and given up with this call.
    let take_over = unsafe { Box::from_raw(data.cast::<TakeOver>()) };
    let _contained = contained(std::panic::AssertUnwindSafe(|| entered(|| drop(take_over))));
}

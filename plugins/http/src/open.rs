//! Requests that wait for a response from a flow.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::task::{Context, Poll};

use ferrowire::port::Response;
use ferrowire::{MutexExt as _, NodeContext, NodeError};
use http::request::Parts;
use tokio::sync::oneshot;

/// How many of those that are over are remembered, to tell why they cannot be answered.
const REMEMBERED: usize = 65_536;

/// The open requests of all `http in` nodes of this process, by an unguessable name. Any `http
/// response` that receives the message can respond.
static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

fn lock() -> MutexGuard<'static, Table> {
    TABLE.locked()
}

#[derive(Default)]
struct Table {
    open: HashMap<u128, Open>,
    over: HashMap<u128, NotOpen>,
    /// The names in `over`, oldest first.
    oldest: VecDeque<u128>,
}

impl Table {
    fn remember(&mut self, name: u128, why: NotOpen) {
        if self.oldest.len() >= REMEMBERED
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.over.remove(&oldest);
        }
        self.oldest.push_back(name);
        self.over.insert(name, why);
    }
}

/// What is asked, as far as the response depends on it.
pub(crate) struct Asked {
    /// The head of the request.
    pub(crate) head: Parts,
    /// The callback function of a JSONP request.
    pub(crate) callback: Option<String>,
}

/// A pending response.
pub(crate) struct Open {
    sender: oneshot::Sender<Response>,
    /// Told once that a node failed with the request.
    failed: Option<oneshot::Sender<()>>,
    pub(crate) asked: Asked,
}

impl Open {
    /// Sends the response.
    ///
    /// # Errors
    /// If the client has disconnected.
    pub(crate) fn answer(self, response: Response) -> Result<(), NotOpen> {
        self.sender.send(response).map_err(|_| NotOpen::Left)
    }
}

/// Why a response cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NotOpen {
    /// A response was already sent.
    #[error("this request was already answered")]
    Answered,
    /// The client disconnected, or the `http in` was stopped.
    #[error("the client of this request disconnected, or the `http in` was stopped")]
    Left,
    /// The request timed out.
    #[error("this request was not answered within `http-node-timeout`")]
    Late,
    /// A node failed with the request, and it was not answered soon after.
    #[error(
        "this request was answered with 500, since a node had failed with it and nothing answered it within `http-error-timeout`"
    )]
    Failed,
    /// No open or recent request has this name.
    #[error("`msg.res` does not refer to an open request")]
    Unknown,
}

/// The maximum number of requests is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} requests are waiting for a response, which is the limit; raise `http-node-max-open`")]
pub(crate) struct TooMany(pub(crate) usize);

/// Registers a request of the node `node`, unless `most` are waiting: returns its name and the
/// response to wait for.
///
/// # Errors
/// If the maximum number is waiting.
pub(crate) fn enter(asked: Asked, node: &str, most: usize) -> Result<(String, Waiting), TooMany> {
    let mut table = lock();
    if table.open.len() >= most {
        return Err(TooMany(most));
    }
    // A request can be answered by its name alone, so names must be hard to guess.
    let number = rand::random::<u128>();
    let (sender, response) = oneshot::channel();
    let (failed, failure) = oneshot::channel();
    table.open.insert(number, Open { sender, failed: Some(failed), asked });
    let waiting = Waiting { number, response, failure: Some(failure), over: NotOpen::Left };
    Ok((format!("{number:032x}{NODE}{node}"), waiting))
}

/// Separates the number of a request from the node that received it, which functions send their
/// answers to.
const NODE: char = '@';

fn number(name: &str) -> Result<u128, NotOpen> {
    let (number, _) = name.split_once(NODE).ok_or(NotOpen::Unknown)?;
    u128::from_str_radix(number, 16).map_err(|_| NotOpen::Unknown)
}

/// Removes a request in order to respond to it.
///
/// # Errors
/// If it is no longer waiting.
pub(crate) fn take(name: &str) -> Result<Open, NotOpen> {
    let number = number(name)?;
    let mut table = lock();
    match table.open.remove(&number) {
        Some(open) => {
            table.remember(number, NotOpen::Answered);
            Ok(open)
        }
        None => Err(table.over.get(&number).copied().unwrap_or(NotOpen::Unknown)),
    }
}

/// Responds to a request. A client that disconnected is not an error of the flow.
///
/// # Errors
/// If the request is no longer waiting.
pub(crate) fn answer(
    name: &str,
    cx: &NodeContext,
    response: impl FnOnce(&Asked) -> Response,
) -> Result<(), NodeError> {
    let answered = take(name).and_then(|open| {
        let response = response(&open.asked);
        open.answer(response)
    });
    match answered {
        Ok(()) => Ok(()),
        Err(left @ NotOpen::Left) => {
            cx.debug(left);
            Ok(())
        }
        Err(error) => Err(NodeError::new(error.to_string())),
    }
}

/// Notes that a node failed with a request, if it is still waiting.
pub(crate) fn fail(name: &str) {
    let Ok(number) = number(name) else { return };
    let failed = lock().open.get_mut(&number).and_then(|open| open.failed.take());
    // Nobody waits any more: the client has disconnected.
    failed.map(|failed| failed.send(()).ok());
}

/// A response to wait for: `None` if it can no longer be sent. Dropping it gives up the request.
pub(crate) struct Waiting {
    number: u128,
    response: oneshot::Receiver<Response>,
    failure: Option<oneshot::Receiver<()>>,
    /// What is to be remembered when it is given up.
    over: NotOpen,
}

impl Waiting {
    /// Gives the request up, for this reason.
    pub(crate) fn end(mut self, why: NotOpen) {
        self.over = why;
    }

    /// Ends when a node has failed with the request; can be taken once.
    pub(crate) fn failure(&mut self) -> impl Future<Output = ()> + use<> {
        let failure = self.failure.take();
        async move {
            let failed = match failure {
                Some(failure) => failure.await.is_ok(),
                None => false,
            };
            if !failed {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Future for Waiting {
    type Output = Option<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.response).poll(cx).map(Result::ok)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut table = lock();
        if table.open.remove(&self.number).is_some() {
            table.remember(self.number, self.over);
        }
    }
}

//! Requests that wait for a response from a flow.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use ferrowire::port::Response;
use tokio::sync::oneshot;

/// How many of those that are over are remembered, to tell why they cannot be answered.
const REMEMBERED: usize = 65_536;

/// The open requests of all `http in` nodes of this process, by an unguessable name. Any `http
/// response` that receives the message can respond.
static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

fn lock() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A pending response.
pub(crate) struct Open {
    sender: oneshot::Sender<Response>,
    /// The callback function of a JSONP request.
    pub(crate) callback: Option<String>,
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
    /// No open or recent request has this name.
    #[error("`msg.res` does not refer to an open request")]
    Unknown,
}

/// The maximum number of requests is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} requests are waiting for a response, which is the limit; raise `http-node-max-open`")]
pub(crate) struct TooMany(pub(crate) usize);

/// Registers a request, unless `most` are waiting: returns its name and the response to wait for.
///
/// # Errors
/// If the maximum number is waiting.
pub(crate) fn enter(callback: Option<String>, most: usize) -> Result<(String, Waiting), TooMany> {
    let mut table = lock();
    if table.open.len() >= most {
        return Err(TooMany(most));
    }
    // A request can be answered by its name alone, so names must be hard to guess.
    let name = rand::random::<u128>();
    let (sender, response) = oneshot::channel();
    table.open.insert(name, Open { sender, callback });
    Ok((format!("{name:032x}"), Waiting { name, response, over: NotOpen::Left }))
}

/// Removes a request in order to respond to it.
///
/// # Errors
/// If it is no longer waiting.
pub(crate) fn take(name: &str) -> Result<Open, NotOpen> {
    let name = u128::from_str_radix(name, 16).map_err(|_| NotOpen::Unknown)?;
    let mut table = lock();
    match table.open.remove(&name) {
        Some(open) => {
            table.remember(name, NotOpen::Answered);
            Ok(open)
        }
        None => Err(table.over.get(&name).copied().unwrap_or(NotOpen::Unknown)),
    }
}

/// A response to wait for: `None` if it can no longer be sent. Dropping it gives up the request.
pub(crate) struct Waiting {
    name: u128,
    response: oneshot::Receiver<Response>,
    /// What is to be remembered when it is given up.
    over: NotOpen,
}

impl Waiting {
    /// Gives the request up because the time for an answer is over.
    pub(crate) fn end_late(mut self) {
        self.over = NotOpen::Late;
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
        if table.open.remove(&self.name).is_some() {
            table.remember(self.name, self.over);
        }
    }
}

//! `OpenResponses`: requests that wait until a flow answers them.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::Response;

/// How many of those that are over are remembered, to tell why they cannot be answered.
const REMEMBERED: usize = 1024;

/// Requests that wait for their response, each under a name that nobody can guess.
#[derive(Debug)]
pub struct OpenResponses {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<String, Open>,
    over: HashMap<String, NotOpen>,
    /// The names in `over`, oldest first.
    oldest: VecDeque<String>,
}

impl Table {
    fn remember(&mut self, name: &str, why: NotOpen) {
        if self.oldest.len() >= REMEMBERED
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.over.remove(&oldest);
        }
        self.oldest.push_back(name.to_owned());
        self.over.insert(name.to_owned(), why);
    }
}

/// A response that is to be given.
#[derive(Debug)]
pub struct Open {
    sender: oneshot::Sender<Response>,
    /// The function that a JSONP request wants to be called.
    pub callback: Option<String>,
}

impl Open {
    /// Gives the response.
    ///
    /// # Errors
    /// When the client has left meanwhile.
    pub fn answer(self, response: Response) -> Result<(), NotOpen> {
        self.sender.send(response).map_err(|_| NotOpen::Left)
    }
}

/// Why a request cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOpen {
    /// It was answered before.
    #[error("this request has been answered already")]
    Answered,
    /// The client closed its connection, or the time for an answer was over.
    #[error("the client of this request no longer waits for an answer")]
    Left,
    /// No request has this name, or none of the last ones had.
    #[error("`msg.res` names no request that waits for an answer")]
    Unknown,
}

/// As many requests wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} requests wait for an answer, and no more may; raise `http-node-max-open`")]
pub struct TooMany(pub usize);

impl OpenResponses {
    /// A table for at most `most` requests.
    pub fn new(most: usize) -> Self {
        OpenResponses { most, table: Mutex::default() }
    }

    /// Enters a request: its name, and the response to wait for.
    ///
    /// # Errors
    /// When as many wait as may.
    pub fn enter(self: &Arc<Self>, callback: Option<String>) -> Result<(String, Waiting), TooMany> {
        let mut table = self.lock();
        if table.open.len() >= self.most {
            return Err(TooMany(self.most));
        }
        // Whoever can name a request can answer it, so names must be hard to guess.
        let name = format!("{:032x}", rand::random::<u128>());
        let (sender, response) = oneshot::channel();
        table.open.insert(name.clone(), Open { sender, callback });
        let waiting = Waiting { name: name.clone(), table: Arc::clone(self), response };
        Ok((name, waiting))
    }

    /// Takes a request out, to answer it.
    ///
    /// # Errors
    /// When it does not wait any more.
    pub fn take(&self, name: &str) -> Result<Open, NotOpen> {
        let mut table = self.lock();
        match table.open.remove(name) {
            Some(open) => {
                table.remember(name, NotOpen::Answered);
                Ok(open)
            }
            None => Err(table.over.get(name).copied().unwrap_or(NotOpen::Unknown)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A response to wait for: `None` when nobody can give it any more. Dropping it gives the request
/// up.
#[derive(Debug)]
pub struct Waiting {
    name: String,
    table: Arc<OpenResponses>,
    response: oneshot::Receiver<Response>,
}

impl Future for Waiting {
    type Output = Option<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.response).poll(cx).map(Result::ok)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        if table.open.remove(&self.name).is_some() {
            table.remember(&self.name, NotOpen::Left);
        }
    }
}

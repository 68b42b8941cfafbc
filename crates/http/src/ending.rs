//! `Ending`: how a server is asked to end, at once or in two steps.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Ends a server. Clones share it.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Cancelled when connections are no longer accepted, and each ends with its next response.
    pub(crate) closing: CancellationToken,
    /// Cancelled when connections without a request end, too.
    pub(crate) stop: CancellationToken,
    /// The requests that have no response yet, and the connections that have not sent one.
    pub(crate) requests: TaskTracker,
}

impl Ending {
    /// Accepts no further connections. Each one that is open ends with its next response.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Waits until no request is without a response, and no new connection without a request. A
    /// connection that was taken over has none.
    pub async fn all_answered(&self) {
        self.requests.close();
        self.requests.wait().await;
    }
}

/// Both steps at once, when `stop` is cancelled; the first one also earlier, by [`Ending::close`].
impl Default for Ending {
    /// One of its own.
    fn default() -> Self {
        CancellationToken::new().into()
    }
}

impl From<CancellationToken> for Ending {
    fn from(stop: CancellationToken) -> Self {
        Ending { closing: stop.child_token(), stop, requests: TaskTracker::new() }
    }
}

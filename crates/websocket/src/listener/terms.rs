//! `Terms`: when a session ends by itself: with its token, or without a first message.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

use ferrowire_core::Text;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use crate::frame::Close;
use crate::listener::member::{By, Client};
use crate::metrics;

/// The longest sleep until the clock is looked at again: it may be set, and computers sleep.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The terms of a session. Small for the most sessions, which have none.
#[derive(Debug)]
pub(crate) struct Terms(Option<Box<Due>>);

#[derive(Debug)]
struct Due {
    /// When the token expires.
    expires: Option<SystemTime>,
    /// Within what time the session must send a message.
    first_message: Option<Duration>,
    spoke: Notify,
}

impl Terms {
    /// The terms of a session whose token expires then, and that must send a message within a time.
    pub(crate) fn new(expires: Option<SystemTime>, first_message: Option<Duration>) -> Self {
        let has_any = expires.is_some() || first_message.is_some();
        Terms(has_any.then(|| Box::new(Due { expires, first_message, spoke: Notify::new() })))
    }

    /// The session has sent a message.
    pub(crate) fn spoke(&self) {
        if let Some(due) = &self.0 {
            due.spoke.notify_one();
        }
    }

    /// Runs a session, and closes it when a term is due.
    pub(crate) async fn hold<T>(
        &self,
        client: &Client,
        mut session: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        let Some(due) = &self.0 else { return session.await };
        // Boxed: its timers would be in the memory of sessions without terms as well.
        let due: BoxFuture<'_, Close> = Box::pin(due.close());
        let close = tokio::select! {
            biased;
            ended = &mut session => return ended,
            close = due => close,
        };
        client.close(&close, By::Runtime);
        session.await
    }
}

impl Due {
    /// Waits for the close.
    async fn close(&self) -> Close {
        tokio::select! {
            () = self.expired() => {
                metrics::EXPIRED.increment();
                close(3000, "the token has expired")
            }
            () = self.silent() => {
                metrics::refused::TIMEOUT.increment();
                close(3008, "no message in time")
            }
        }
    }

    async fn expired(&self) {
        let Some(expires) = self.expires else { return std::future::pending().await };
        while let Ok(left) = expires.duration_since(SystemTime::now()) {
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }

    async fn silent(&self) {
        let Some(time) = self.first_message else { return std::future::pending().await };
        if tokio::time::timeout(time, self.spoke.notified()).await.is_ok() {
            std::future::pending().await
        }
    }
}

fn close(code: u16, reason: &'static str) -> Close {
    Close { code: Some(code), reason: Text::from_static(reason) }
}

//! Letting the clients of a listener go before the runtime stops, spread over a window.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::connection::closing::{going_away, restarting};
use crate::frame::Close;
use crate::listener::member::Client;
use crate::listener::sessions::Sessions;

impl Sessions {
    /// Closes the sessions with 1012, spread evenly over `window`, and waits until all have ended.
    /// Those that begin meanwhile share what is left of it.
    pub(crate) async fn drain(&self, window: Duration) {
        self.drains.store(true, Ordering::Relaxed);
        let end = Instant::now() + window;
        loop {
            let clients = self.not_closed();
            if clients.is_empty() {
                break;
            }
            retire(&clients, end).await;
        }
        self.all_ended().await;
    }

    /// How the sessions end that are there when the runtime stops.
    pub(crate) fn farewell(&self) -> Close {
        if self.drains.load(Ordering::Relaxed) { restarting() } else { going_away() }
    }

    fn not_closed(&self) -> Vec<Client> {
        let clients = self.clients();
        let clients = clients.by_session.values();
        clients.filter(|client| client.member.closed().is_none()).cloned().collect()
    }
}

/// Closes clients one after the other, the first at once, until `end`.
async fn retire(clients: &[Client], end: Instant) {
    let (begin, count) = (Instant::now(), clients.len() as f64);
    let window = end.saturating_duration_since(begin);
    for (index, client) in clients.iter().enumerate() {
        sleep_until(begin + window.mul_f64(index as f64 / count)).await;
        client.retire(restarting());
    }
}

//! `wanted`: when a configuration node is to have a connection.

use ferrowire_core::Users;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Waits until a node uses the configuration node and `is_on` accepts what the flow wishes. Returns
/// `false` if `stop` is cancelled before. Cancel-safe.
pub async fn wanted<Wish>(
    stop: &CancellationToken,
    mut users: watch::Receiver<Users>,
    mut wish: watch::Receiver<Wish>,
    is_on: impl Fn(&Wish) -> bool,
) -> bool {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            // The senders live as long as the node.
            used = users.wait_for(|users| !users.is_empty()) => if used.is_err() { return false },
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            _ = users.wait_for(|users| users.is_empty()) => {}
            wanted = wish.wait_for(|wish| is_on(wish)) => return wanted.is_ok(),
        }
    }
}

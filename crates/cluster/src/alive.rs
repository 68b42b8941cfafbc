//! Life signs: this instance gives them, and counts those of others.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use crate::envelope::Kind;
use crate::link::until;
use crate::member::Shared;
use crate::metrics;

/// So many life signs are given within the time to live.
const SIGNS: u32 = 3;

/// Gives life signs while there is a connection, and removes instances that give none. Without end.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut connected = shared.connected.subscribe();
    let period = shared.options.time_to_live / SIGNS;
    loop {
        until(&mut connected, true).await;
        metrics::CONNECTED.set(1);
        shared.presence.renew();
        live(&shared, period, &mut connected).await;
        metrics::CONNECTED.set(0);
    }
}

/// Ends with the connection.
async fn live(shared: &Arc<Shared>, period: Duration, connected: &mut watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(period);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = until(connected, false) => return,
        }
        // Before the next sign of life is queued: what waited may have gone out.
        let dropped = shared.outgoing.take_dropped();
        if dropped > 0 {
            info!("{dropped} messages for other instances of the cluster were dropped meanwhile");
        }
        shared.push(shared.subjects.all(), &shared.head(Kind::Hello), &[]);
        for name in shared.presence.expire() {
            warn!("the instance `{name}` of the cluster gives no sign of life; it counts as gone");
        }
    }
}

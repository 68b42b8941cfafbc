//! Connects to NATS, and follows whether the connection lasts.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use ferrowire_net::{Backoff, BackoffOptions};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::link;
use crate::member::Shared;
use crate::metrics;
use crate::nats::archive::NatsArchive;
use crate::nats::depot::NatsDepot;
use crate::nats::inbox;
use crate::nats::way::NatsLink;

/// The longest pause between two attempts, and the first one.
const LONGEST: Duration = Duration::from_secs(5);
const FIRST: Duration = Duration::from_millis(200);

/// The messages of one subscription that may wait until they are handed on. Further ones are dropped.
const WAITING: usize = 4_096;

/// The commands that may wait in the client: what waits longer stays in our own queue, whose bound is
/// in bytes.
const COMMANDS: usize = 64;

/// Connects in a task, again and again until it succeeds; from then on the client reconnects by itself.
/// The returned future ends with the outcome of the first attempt.
pub(crate) fn start(
    shared: &Arc<Shared>,
    servers: Vec<ServerAddr>,
    options: ConnectOptions,
) -> impl Future<Output = Result<(), String>> + use<> {
    let (told, first) = oneshot::channel();
    let (events, received) = mpsc::channel(128);
    let options = options
        .no_echo()
        .subscription_capacity(WAITING)
        .client_capacity(COMMANDS)
        .max_reconnects(None)
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            let events = events.clone();
            async move {
                // The task that takes them ends with the member.
                let _ended = events.send(event).await;
            }
        });
    shared.spawn(follow(Arc::clone(shared), received));
    shared.spawn(connect(Arc::clone(shared), servers, options, told));
    async move { first.await.unwrap_or_else(|_| Err("the start was given up".to_owned())) }
}

/// The pause before an attempt to reconnect. Random, so that instances do not come back at once.
fn pause(attempt: usize) -> Duration {
    pauses().after(u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX))
}

fn pauses() -> Backoff {
    Backoff::new(BackoffOptions::up_to(LONGEST), FIRST)
}

async fn connect(
    shared: Arc<Shared>,
    servers: Vec<ServerAddr>,
    options: ConnectOptions,
    told: oneshot::Sender<Result<(), String>>,
) {
    let mut told = Some(told);
    let mut pauses = pauses();
    let mut last = String::new();
    let client = loop {
        let failure = match options.clone().connect(servers.clone()).await {
            Ok(client) => break client,
            Err(failure) => describe(failure.kind(), &failure.to_string(), &names(&servers)),
        };
        if failure != last {
            error!("{failure}; trying again");
            last.clone_from(&failure);
        }
        if let Some(told) = told.take() {
            let _not_required = told.send(Err(failure));
        }
        tokio::time::sleep(pauses.next(None)).await;
    };
    let _only_once = shared.depot.set(NatsDepot::new(&client, &shared));
    let _only_once = shared.archive.set(NatsArchive::new(&client, &shared));
    let (link, subscriptions) = NatsLink::new(client.clone());
    shared.spawn(inbox::run(Arc::clone(&shared), subscriptions));
    shared.spawn(link::drive(Arc::clone(&shared), link));
    connected(&shared, &client);
    if let Some(told) = told.take() {
        let _not_required = told.send(Ok(()));
    }
}

fn connected(shared: &Shared, client: &Client) {
    let server = client.server_info();
    info!(
        "the instance `{}` is in the cluster `{}`, by NATS {} at {}:{}",
        shared.options.instance, shared.options.cluster, server.version, server.host, server.port
    );
    shared.connect();
}

fn names(servers: &[ServerAddr]) -> String {
    let names: Vec<&str> = servers.iter().map(|server| server.as_url_str()).collect();
    names.join("`, `")
}

/// Why there is no connection, and what to do.
fn describe(kind: ConnectErrorKind, text: &str, servers: &str) -> String {
    match kind {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => format!(
            "NATS at `{servers}` refuses this instance; check `cluster-credentials`, or \
             `cluster-user` and `cluster-password`, or `cluster-token`"
        ),
        _ => format!("cannot reach NATS at `{servers}`: {text}"),
    }
}

/// Follows the client: whether it is connected, and what it has to drop.
async fn follow(shared: Arc<Shared>, mut events: mpsc::Receiver<Event>) {
    // The first connect is told by the task that makes it.
    let mut was_lost = false;
    let mut last = String::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Disconnected => {
                was_lost = true;
                shared.connected.send_replace(false);
                warn!(
                    "the connection to NATS is lost: clients of this instance are still served, and \
                     messages for other instances wait"
                );
            }
            Event::Connected if was_lost => {
                (was_lost, last) = (false, String::new());
                info!("connected to NATS again");
                shared.connect();
            }
            Event::SlowConsumer(_) => {
                metrics::DROPPED_SLOW.increment();
                shared.slow.send_replace(());
            }
            Event::ServerError(error) => warn!("NATS reports an error: {error}"),
            Event::ClientError(error) if was_lost && error.to_string() != last => {
                last = error.to_string();
                warn!("cannot connect to NATS again: {error}; trying further");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_are_random() {
        for (attempt, longest) in [(1, FIRST), (2, FIRST * 2), (1_000, LONGEST)] {
            let pauses: Vec<Duration> = (0..50).map(|_| pause(attempt)).collect();
            assert!(pauses.iter().all(|it| (longest / 2..=longest).contains(it)), "{pauses:?}");
            assert!(pauses.iter().any(|it| *it != pauses[0]));
        }
    }
}

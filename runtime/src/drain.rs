//! Draining: what the program does for its clients between the request to end and the stop.

use std::time::Duration;

use ferrowire_core::metric::Gauge;
use ferrowire_engine::Engine;
use ferrowire_http::Ending;
use futures_util::future::{BoxFuture, Shared};
use tracing::{info, warn};

use crate::settings::{Settings, table};
use crate::signals::Asked;

/// The task of the port.
pub(crate) type Server = Shared<BoxFuture<'static, ()>>;

/// How long the last clients and requests may take after the window.
const LAST: Duration = Duration::from_secs(3);

/// Whether the program drains or stops.
pub(crate) static DRAINING: Gauge = Gauge::new("draining", "1 from the request to end on");

/// The times for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    /// How long the port goes on although the program is not ready.
    delay: Duration,
    /// Over which clients are closed; `None` if they are not closed before the stop.
    window: Option<Duration>,
}

impl Drain {
    /// As the settings say.
    pub(crate) fn of(settings: &Settings) -> Self {
        let window = settings.get(&table::DRAIN);
        Drain {
            delay: settings.get(&table::DRAIN_DELAY),
            window: (!window.is_zero()).then_some(window),
        }
    }

    /// At an upgrade: clients are closed at once, since others already wait for the new process.
    pub(crate) fn at_once() -> Self {
        Drain { delay: Duration::ZERO, window: Some(Duration::ZERO) }
    }

    /// How long it takes at most.
    pub(crate) fn longest(self) -> Duration {
        self.delay + self.window.map_or(Duration::ZERO, |window| window + LAST)
    }

    /// How long it takes at most with a stop of that length; `None` if nothing is drained.
    pub(crate) fn with_stop(self, stop: Duration) -> Option<Duration> {
        let longest = self.longest();
        (!longest.is_zero()).then(|| longest + stop)
    }

    /// Lets the clients go, until none is left, the time is over, or the stop is asked for again.
    pub(crate) async fn run(
        self,
        engine: &Engine,
        (server, port): (&Server, &Ending),
        asked: &Asked,
    ) {
        DRAINING.set(1);
        let whole = async {
            tokio::time::sleep(self.delay).await;
            port.close();
            if let Some(window) = self.window {
                info!(seconds = window.as_secs_f64(), "closing clients");
                let gone = let_go(engine, port, window);
                if tokio::time::timeout(window + LAST, gone).await.is_err() {
                    warn!(
                        "clients or requests were still there at the end of the window (`drain`)"
                    );
                }
            }
        };
        tokio::select! {
            () = with(server.clone(), whole) => {}
            () = asked.stop_now.cancelled() => info!("draining was cut short"),
        }
        asked.stop_now.cancel();
    }
}

/// Drives the server while `work` is done.
async fn with(server: Server, work: impl Future<Output = ()>) {
    let server = async {
        server.await;
        std::future::pending().await
    };
    tokio::select! {
        () = work => {}
        () = server => {}
    }
}

/// Closes the clients spread over `window`; then all requests have their responses.
async fn let_go(engine: &Engine, port: &Ending, window: Duration) {
    engine.drain(window).await;
    port.all_answered().await;
}

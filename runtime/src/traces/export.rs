//! `Export`: the task that sends spans to the collector, in batches, and again if it has to.

use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::metric::{Counter, Metric as _, Reading};
use ferrowire_core::trace::FinishedSpan;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::collector::{Collector, Outcome};
use super::encode::{self, Resource};
use super::queue::{self, DROPPED_AT_END, DROPPED_FULL, DROPPED_REFUSED, SENT};

/// The most spans of a request, as OpenTelemetry has it.
const BATCH: usize = 512;

/// How long a batch that is not full waits for further spans.
const LINGER: Duration = Duration::from_secs(1);

/// The waits between attempts: doubled from the first to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often it is told at most that spans are dropped.
const TELL: Duration = Duration::from_secs(60);

pub(super) struct Export {
    waiting: Receiver<FinishedSpan>,
    collector: Collector,
    resource: Resource,
    /// How many spans are in the batch under way.
    sending: usize,
    failures: u32,
    told: Told,
}

/// What the log says of dropped spans.
#[derive(Default)]
struct Told {
    dropped: u64,
    at: Option<Instant>,
}

impl Export {
    pub(super) fn new(
        waiting: Receiver<FinishedSpan>,
        collector: Collector,
        resource: Resource,
    ) -> Self {
        let told = Told { dropped: count(&DROPPED_FULL), at: None };
        Export { waiting, collector, resource, sending: 0, failures: 0, told }
    }

    /// Sends spans until there are none left after `ended`. Can be dropped at any time; what waits is
    /// counted as dropped.
    pub(super) async fn run(mut self, ended: CancellationToken) {
        loop {
            let batch = self.gather(&ended).await;
            if batch.is_empty() {
                return;
            }
            self.sending = batch.len();
            if let Ok(body) = encode::request(&self.resource, &batch) {
                self.deliver(body, &ended).await;
            }
            self.sending = 0;
        }
    }

    /// The next batch; empty when there will be none.
    async fn gather(&mut self, ended: &CancellationToken) -> Vec<FinishedSpan> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut until = None;
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            let full = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = ended.cancelled(), if !self.waiting.is_closed() => self.waiting.close(),
                count = self.waiting.recv_many(&mut batch, room) => match count {
                    0 => break,
                    _ => _ = until.get_or_insert_with(|| Instant::now() + LINGER),
                },
                () = full => break,
            }
        }
        batch
    }

    /// Sends a batch until the collector has taken or refused it.
    async fn deliver(&mut self, body: Bytes, ended: &CancellationToken) {
        let all = self.sending as u64;
        loop {
            let outcome = self.collector.post(body.clone()).await;
            self.tell_dropped();
            match outcome {
                Outcome::Taken { refused, why } => {
                    self.recovered();
                    SENT.add(all.saturating_sub(refused));
                    return self.refused(refused.min(all), &why);
                }
                Outcome::Refused { why } => return self.refused(all, &why),
                Outcome::Later { why, wait } => {
                    self.failed(&why);
                    let wait = wait.unwrap_or_else(|| backoff(self.failures));
                    // At the end there is no time for more than one long wait.
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = ended.cancelled(), if self.waiting.is_closed() => sleep(FIRST_WAIT).await,
                        () = ended.cancelled(), if !self.waiting.is_closed() => self.waiting.close(),
                    }
                }
            }
        }
    }

    fn failed(&mut self, why: &str) {
        if self.failures == 0 {
            let to = &self.collector.endpoint;
            warn!(
                "cannot deliver spans of traces to `{to}`: {why}; they wait, and it is tried again"
            );
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn recovered(&mut self) {
        if self.failures > 0 {
            info!("spans of traces are delivered to `{}` again", self.collector.endpoint);
            self.failures = 0;
        }
    }

    fn refused(&mut self, count: u64, why: &str) {
        let to = &self.collector.endpoint;
        if count > 0 {
            DROPPED_REFUSED.add(count);
            warn!("`{to}` refused {count} spans of traces: {why}");
        } else if !why.is_empty() {
            warn!("`{to}` warns about spans of traces: {why}");
        }
    }

    /// Says how many spans were dropped since it was said last.
    fn tell_dropped(&mut self) {
        let dropped = count(&DROPPED_FULL);
        let is_early = self.told.at.is_some_and(|at| at.elapsed() < TELL);
        if dropped == self.told.dropped || is_early {
            return;
        }
        let (new, most) = (dropped - self.told.dropped, queue::MOST);
        warn!(
            "{new} spans of traces were dropped, since {most} wait for the collector; record fewer \
             with `trace-sample`"
        );
        self.told = Told { dropped, at: Some(Instant::now()) };
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        self.waiting.close();
        let rest = self.sending + self.waiting.len();
        if rest > 0 {
            DROPPED_AT_END.add(rest as u64);
            let to = &self.collector.endpoint;
            warn!("{rest} spans of traces were dropped: `{to}` did not take them before the end");
        }
    }
}

/// The wait after so many failures in a row, randomized so that many instances do not come at once.
fn backoff(failures: u32) -> Duration {
    let doubled = FIRST_WAIT * 2_u32.pow(failures.saturating_sub(1).min(8));
    doubled.min(LONGEST_WAIT).mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn count(counter: &Counter) -> u64 {
    match counter.read() {
        Reading::Count(count) => count,
        Reading::Level(_) | Reading::Distribution { .. } => 0,
    }
}

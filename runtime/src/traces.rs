//! `Traces`: the spans of messages, on their way to an OpenTelemetry collector.

mod collector;
mod encode;
mod export;
mod options;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::trace::Tracer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;
use collector::Collector;
use encode::Resource;
use export::Export;
pub(crate) use options::{Options, OptionsOf, carriers, endpoint, headers, sample};

ferrowire::metrics!(
    queue::SENT,
    queue::DROPPED_FULL,
    queue::DROPPED_REFUSED,
    queue::DROPPED_AT_END,
);

/// How long the last spans may take at the end, if nodes have not used up the time.
const FLUSH: Duration = Duration::from_secs(5);

/// What records traces, and the task that sends them.
pub(crate) struct Traces {
    tracer: Arc<Tracer>,
    end: CancellationToken,
    exporting: JoinSet<()>,
}

impl Traces {
    /// Begins to record traces, if the settings name a collector. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// When the certificates of the system cannot be read, which a collector with TLS needs.
    pub(crate) fn begin(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(options) = settings.traces.clone() else { return Ok(None) };
        let resource = Resource::of(settings, &options);
        let (queue, waiting) = queue::new();
        let tracer = Arc::new(Tracer::new(options.sample, options.carriers.clone(), queue));
        let collector = Collector::new(options.endpoint, options.headers)?;
        let end = CancellationToken::new();
        let mut exporting = JoinSet::new();
        exporting.spawn(Export::new(waiting, collector, resource).run(end.clone()));
        Ok(Some(Traces { tracer, end, exporting }))
    }

    /// What records the traces of messages.
    pub(crate) fn tracer(&self) -> Arc<Tracer> {
        Arc::clone(&self.tracer)
    }

    /// Sends what waits, within `limit`.
    pub(crate) async fn end(mut self, limit: Duration) {
        self.end.cancel();
        let all = async { while self.exporting.join_next().await.is_some() {} };
        let _late = tokio::time::timeout(limit.min(FLUSH), all).await;
        // What is dropped with the task counts as dropped.
        self.exporting.shutdown().await;
    }
}

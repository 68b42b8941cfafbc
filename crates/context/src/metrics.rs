//! The metrics of shared stores.

use ferrowire_core::metric::{Counter, Gauge};

/// Own changes that are not in the cluster yet.
pub static WAITING: Gauge = Gauge::new(
    "context_changes_waiting",
    "changes of shared context stores that wait until the cluster has them",
);
/// Own changes that are in the cluster.
pub static WRITTEN: Counter =
    Counter::new("context_changes_written", "changes of shared context stores in the cluster");
/// Changes that failed at their node, since too many wait.
pub static REFUSED: Counter = Counter::new(
    "context_changes_refused",
    "changes of shared context stores that failed, since too many wait",
);

//! The metrics of a cluster.

use ferrowire_core::metric::{Counter, Gauge};

/// Whether there is a connection to the cluster: 1 or 0.
pub static CONNECTED: Gauge =
    Gauge::new("cluster_connected", "whether this instance is connected to its cluster");
/// The other instances that are alive.
pub static INSTANCES: Gauge =
    Gauge::new("cluster_instances", "other instances of the cluster that are alive");

/// The leases that this instance has.
pub static LEASES: Gauge = Gauge::new(
    "cluster_leases",
    "parts that one instance of the cluster has, and that is this one",
);

const MESSAGES: &str = "cluster_messages";
const MESSAGES_HELP: &str = "messages between this instance and others";

/// Messages to other instances.
pub static SENT: Counter = Counter::new(MESSAGES, MESSAGES_HELP).label("direction", "sent");
/// Messages from other instances.
pub static RECEIVED: Counter = Counter::new(MESSAGES, MESSAGES_HELP).label("direction", "received");

const DROPPED: &str = "cluster_messages_dropped";
const DROPPED_HELP: &str = "messages between instances that were dropped";

/// Dropped because the queue of what goes out was full.
pub static DROPPED_QUEUE: Counter = Counter::new(DROPPED, DROPPED_HELP).label("reason", "queue");
/// Dropped because NATS takes no message that is so large.
pub static DROPPED_SIZE: Counter = Counter::new(DROPPED, DROPPED_HELP).label("reason", "size");
/// Dropped because what received them was too slow.
pub static DROPPED_SLOW: Counter = Counter::new(DROPPED, DROPPED_HELP).label("reason", "slow");
/// Dropped because what arrived is no message of this version.
pub static DROPPED_VERSION: Counter =
    Counter::new(DROPPED, DROPPED_HELP).label("reason", "version");
/// Dropped because what arrived is no message, or a damaged one.
pub static DROPPED_SHAPE: Counter = Counter::new(DROPPED, DROPPED_HELP).label("reason", "shape");

/// Messages that wait until a journal has them.
pub static JOURNAL_WAITING: Gauge =
    Gauge::new("cluster_journal_waiting", "messages of histories that wait until NATS has them");

const JOURNAL: &str = "cluster_journal_messages";
const JOURNAL_HELP: &str = "messages of histories in NATS";

/// Messages that a journal has taken.
pub static JOURNAL_WRITTEN: Counter = Counter::new(JOURNAL, JOURNAL_HELP).label("kind", "written");
/// Messages that a journal has refused.
pub static JOURNAL_REFUSED: Counter = Counter::new(JOURNAL, JOURNAL_HELP).label("kind", "refused");
/// Messages that could not wait, since too many did.
pub static JOURNAL_FULL: Counter = Counter::new(JOURNAL, JOURNAL_HELP).label("kind", "full");

/// How often messages were fetched that had not come by themselves.
pub static JOURNAL_GAPS: Counter = Counter::new(
    "cluster_journal_gaps",
    "gaps in the messages of a history that were noticed and filled from NATS",
);

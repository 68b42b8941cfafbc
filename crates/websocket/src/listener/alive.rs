//! Whether clients are alive: heartbeats, the idle time limit, the longest life of a connection.

mod check;
mod watch;

use std::time::Duration;

use ferrowire_core::NodeConfig;

use crate::settings;

pub(crate) use watch::{Watch, Watched};

/// Pings at an interval, and the time for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    pub(crate) interval: Duration,
    pub(crate) answer: Duration,
}

/// What is required of a client to stay connected; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AliveOptions {
    pub(crate) heartbeat: Option<Heartbeat>,
    /// The longest time without a message from the client.
    pub(crate) idle: Option<Duration>,
    /// The longest life of a connection.
    pub(crate) max_age: Option<Duration>,
}

impl AliveOptions {
    /// Reads `heartbeat`, `heartbeatTimeout`, `idleTimeout` and `maxAge`, in seconds; empty and 0
    /// are off. Without `heartbeatTimeout` an answer has the time of an interval.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let mut seconds = |name| settings::seconds(config, name);
        let (interval, answer) = (seconds("heartbeat"), seconds("heartbeatTimeout"));
        let heartbeat =
            interval.map(|interval| Heartbeat { interval, answer: answer.unwrap_or(interval) });
        AliveOptions { heartbeat, idle: seconds("idleTimeout"), max_age: seconds("maxAge") }
    }

    /// Whether anything is required.
    pub(crate) fn is_any(&self) -> bool {
        *self != AliveOptions::default()
    }

    /// The shortest of the time limits.
    fn shortest(&self) -> Option<Duration> {
        let heartbeat = self.heartbeat.map(|it| it.interval.min(it.answer));
        [heartbeat, self.idle, self.max_age].into_iter().flatten().min()
    }
}

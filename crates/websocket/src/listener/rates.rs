//! How fast a client may send: messages and bytes a second, and what happens to one that is faster.

use std::sync::Mutex;
use std::time::Duration;

use ferrowire_core::{MutexExt as _, NodeConfig, NodeContext};
use tokio::time::Instant;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::frame::Close;
use crate::listener::bucket::Bucket;
use crate::metrics::{CLOSED_RATE, DELAYED, DROPPED_RATE};
use crate::settings::{FAST_CLIENT, MAX_BYTE_RATE, MAX_MESSAGE_RATE};

/// The rates that may be set, per second.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=1e12;

/// What happens to what a client sends faster than it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FastClient {
    /// It is read from more slowly.
    #[default]
    Wait,
    /// The message is dropped.
    Drop,
    /// The client is disconnected.
    Close,
}

impl FastClient {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "wait" => Some(FastClient::Wait),
            "drop" => Some(FastClient::Drop),
            "close" => Some(FastClient::Close),
            _ => None,
        }
    }
}

/// The rates of the properties; what is missing follows the settings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateOptions {
    messages: Option<f64>,
    bytes: Option<f64>,
    fast: Option<FastClient>,
}

impl RateOptions {
    /// Reads `maxMessageRate`, `maxByteRate` (per second; 0 is no limit) and `fastClient`.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let mut rate = |name: &str| match config.number(name)? {
            0.0 => Some(0.0),
            _ => config.number_in(name, RATES),
        };
        let (messages, bytes) = (rate("maxMessageRate"), rate("maxByteRate"));
        let name = config.text("fastClient");
        let fast = FastClient::from_name(&name);
        if fast.is_none() && !name.is_empty() {
            let text = format!("expected `wait`, `drop` or `close`, found `{name}`");
            config.problem("fastClient", text);
        }
        RateOptions { messages, bytes, fast }
    }

    /// The rates of a listener: its own, or those of the settings.
    pub(crate) fn with_settings(self, cx: &NodeContext) -> Rates {
        let set = |value: Option<usize>| value.map(|rate| rate as f64);
        let rate = |own: Option<f64>, set: Option<f64>| own.or(set).filter(|rate| *rate > 0.0);
        let of_runtime = FastClient::from_name(&cx.setting(&FAST_CLIENT)).unwrap_or_default();
        Rates {
            messages: rate(self.messages, set(cx.setting(&MAX_MESSAGE_RATE))),
            bytes: rate(self.bytes, set(cx.setting(&MAX_BYTE_RATE))),
            fast: self.fast.unwrap_or(of_runtime),
        }
    }
}

/// The rates of a listener's clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    messages: Option<f64>,
    bytes: Option<f64>,
    fast: FastClient,
}

impl Rates {
    /// Measures one client; `None` without a limit.
    pub(crate) fn meter(self) -> Option<Meter> {
        let is_limited = self.messages.is_some() || self.bytes.is_some();
        is_limited.then(|| {
            let (messages, bytes) = (Bucket::full(), Bucket::full());
            Meter { rates: self, used: Mutex::new(Used { messages, bytes, over: false }) }
        })
    }
}

/// What one client has used of its rates.
#[derive(Debug)]
pub(crate) struct Meter {
    rates: Rates,
    used: Mutex<Used>,
}

#[derive(Debug)]
struct Used {
    messages: Bucket,
    bytes: Bucket,
    /// The connection is being closed for it.
    over: bool,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Pass,
    Wait(Duration),
    Drop,
    /// Close the connection, and drop what comes until it ends.
    Close,
}

impl Meter {
    /// Counts a message of `length` bytes.
    pub(crate) fn admit(&self, length: usize) -> Admission {
        let mut used = self.used.locked();
        if used.over {
            DROPPED_RATE.increment();
            return Admission::Drop;
        }
        let now = Instant::now();
        let early = used.early(now);
        if early.is_zero() || self.rates.fast == FastClient::Wait {
            used.take(&self.rates, length, now);
        }
        match self.rates.fast {
            _ if early.is_zero() => Admission::Pass,
            FastClient::Wait => {
                DELAYED.increment();
                Admission::Wait(early)
            }
            FastClient::Drop => {
                DROPPED_RATE.increment();
                Admission::Drop
            }
            FastClient::Close => {
                used.over = true;
                DROPPED_RATE.increment();
                CLOSED_RATE.increment();
                Admission::Close
            }
        }
    }
}

impl Used {
    /// How much too early a message is at `now`.
    fn early(&self, now: Instant) -> Duration {
        self.messages.early(now).max(self.bytes.early(now))
    }

    fn take(&mut self, rates: &Rates, length: usize, now: Instant) {
        if let Some(rate) = rates.messages {
            self.messages.take(1.0, rate, now);
        }
        if let Some(rate) = rates.bytes {
            self.bytes.take(length as f64, rate, now);
        }
    }
}

/// `1008`: the client sends faster than it may. It is not to come back before that has changed.
pub(crate) fn too_fast() -> Close {
    Close::new(CloseCode::Policy, "sending too fast")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(messages: Option<f64>, bytes: Option<f64>, fast: FastClient) -> Meter {
        Rates { messages, bytes, fast }.meter().unwrap()
    }

    /// How many of `count` messages pass at once.
    fn passing(meter: &Meter, count: usize, length: usize) -> usize {
        (0..count).filter(|_| meter.admit(length) == Admission::Pass).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_of_the_rate_passes_at_once_and_the_rate_from_then_on() {
        for rate in [1.0, 3.0, 7.0, 10.0, 1_000.0] {
            let meter = meter(Some(rate), None, FastClient::Drop);
            assert_eq!(passing(&meter, 2_000, 5), rate as usize);
            tokio::time::advance(Duration::from_millis(1_001)).await;
            assert_eq!(passing(&meter, 2_000, 5), rate as usize);
            tokio::time::advance(Duration::from_secs(1_000)).await;
            assert_eq!(passing(&meter, 2_000, 5), rate as usize, "what was not used is not saved");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_larger_than_the_rate_passes_and_is_paid_for_afterwards() {
        let meter = meter(None, Some(1_000.0), FastClient::Drop);
        assert_eq!(passing(&meter, 2, 10_000), 1);
        tokio::time::advance(Duration::from_millis(8_999)).await;
        assert_eq!(passing(&meter, 2, 1), 0);
        tokio::time::advance(Duration::from_millis(2)).await;
        assert_eq!(passing(&meter, 2, 1_000), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_its_rate_by_the_slower_of_the_two_limits() {
        let meter = meter(Some(100.0), Some(1_000.0), FastClient::Wait);
        let start = Instant::now();
        for _ in 0..1_000 {
            if let Admission::Wait(time) = meter.admit(50) {
                tokio::time::sleep(time).await;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((48.8..=50.2).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_close_everything_is_dropped() {
        let meter = meter(Some(1.0), None, FastClient::Close);
        let all: Vec<_> = (0..4).map(|_| meter.admit(1)).collect();
        use Admission::{Close, Drop, Pass};
        assert_eq!(all, [Pass, Close, Drop, Drop]);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(meter.admit(1), Drop);
    }
}

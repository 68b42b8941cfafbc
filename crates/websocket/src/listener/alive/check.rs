//! `Check`: what is due for one connection, and when something is due again.

use std::time::Duration;

use ferrowire_core::metric::Counter;
use tokio::time::Instant;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::frame::Close;
use crate::listener::alive::{AliveOptions, Heartbeat};
use crate::metrics::{CLOSED_AGE, CLOSED_HEARTBEAT, CLOSED_IDLE};

/// RFC 6455 leaves 3000 to 3999 to the registry of IANA, which has 3008 for time limits.
const TIMEOUT: CloseCode = CloseCode::Library(3008);

/// What the connection shows at a check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    /// The client has shown life since the last check.
    pub(crate) is_active: bool,
    /// When its last message arrived, or now if one waits.
    pub(crate) last_message: Instant,
}

/// The result of a check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Check again then, after a ping if one is due.
    Stay {
        ping: bool,
        until: Instant,
    },
    Leave(Reason),
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    NoAnswer,
    Idle,
    Age,
}

impl Reason {
    /// The close frame; each of the codes means that the client may connect again.
    pub(crate) fn close(self) -> Close {
        match self {
            Reason::NoAnswer => Close::new(TIMEOUT, "a ping was not answered in time"),
            Reason::Idle => Close::new(TIMEOUT, "no message for too long"),
            Reason::Age => Close::new(CloseCode::Restart, "connected for too long; connect again"),
        }
    }

    pub(crate) fn counter(self) -> &'static Counter {
        match self {
            Reason::NoAnswer => &CLOSED_HEARTBEAT,
            Reason::Idle => &CLOSED_IDLE,
            Reason::Age => &CLOSED_AGE,
        }
    }
}

/// The times of one connection.
#[derive(Debug)]
pub(crate) struct Check {
    heartbeat: Option<Beat>,
    idle: Option<Duration>,
    end: Option<Instant>,
}

#[derive(Debug)]
struct Beat {
    options: Heartbeat,
    next: Instant,
    /// Until when a ping that was sent must be answered.
    answer: Option<Instant>,
}

impl Check {
    /// The times of a connection that was opened at `now`. `part`, from 0 to 1, spreads connections
    /// that were opened together: the first ping comes after a half to one interval, and the life of
    /// a connection is nine tenths to all of the longest.
    pub(crate) fn new(options: &AliveOptions, now: Instant, part: f64) -> Self {
        let beat = |options: Heartbeat| Beat {
            options,
            next: now + options.interval.mul_f64(0.5 + part / 2.0),
            answer: None,
        };
        Check {
            heartbeat: options.heartbeat.map(beat),
            idle: options.idle,
            end: options.max_age.map(|age| now + age.mul_f64(0.9 + part / 10.0)),
        }
    }

    /// Looks at a connection.
    pub(crate) fn at(&mut self, now: Instant, signs: Signs) -> Verdict {
        if self.end.is_some_and(|end| end <= now) {
            return Verdict::Leave(Reason::Age);
        }
        let idle_until = self.idle.map(|idle| signs.last_message + idle);
        if idle_until.is_some_and(|until| until <= now) {
            return Verdict::Leave(Reason::Idle);
        }
        let mut ping = false;
        if let Some(beat) = &mut self.heartbeat {
            match beat.at(now, signs.is_active) {
                Some(due) => ping = due,
                None => return Verdict::Leave(Reason::NoAnswer),
            }
        }
        Verdict::Stay { ping, until: self.next(signs.last_message).unwrap_or(now) }
    }

    /// When something is due, if the client stays silent from `last_message` on.
    pub(crate) fn next(&self, last_message: Instant) -> Option<Instant> {
        let beat = self.heartbeat.as_ref().map(Beat::next);
        [self.end, self.idle.map(|idle| last_message + idle), beat].into_iter().flatten().min()
    }
}

impl Beat {
    /// Whether a ping is due; `None` if an earlier one was not answered in time.
    fn at(&mut self, now: Instant, is_active: bool) -> Option<bool> {
        if is_active {
            self.answer = None;
        }
        if self.answer.is_some_and(|until| until <= now) {
            return None;
        }
        let is_due = self.next <= now;
        if is_due {
            self.next = now + self.options.interval;
            self.answer.get_or_insert(now + self.options.answer);
        }
        Some(is_due)
    }

    fn next(&self) -> Instant {
        self.answer.map_or(self.next, |answer| answer.min(self.next))
    }
}

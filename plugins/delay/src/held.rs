//! `Held`: messages with individual delays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrowire::expression::javascript;
use ferrowire::{Message, NodeError};
use tokio::time::Instant;

use crate::settings::{Hold, Mode, Settings, millis};
use crate::state::{Effect, MOST_KEPT, Orders, Taken, depth, too_many, was_reset};

#[derive(Debug, Default)]
pub(crate) struct Held {
    /// In order of arrival.
    messages: BTreeMap<u64, (Instant, Message)>,
    due: BTreeSet<(Instant, u64)>,
    last: u64,
}

impl Held {
    pub(crate) fn take(
        &mut self,
        settings: &Settings,
        msg: Message,
        now: Instant,
    ) -> Result<Taken, NodeError> {
        let orders = Orders::of(&msg);
        if orders.reset {
            let mut effects: Vec<_> = self.clear().into_iter().map(Effect::Complete).collect();
            effects.push(was_reset());
            return Ok(Taken { kept: false, effects });
        }
        let kept = orders.is_message || orders.flush.is_none();
        if kept {
            if self.messages.len() >= MOST_KEPT {
                return Err(too_many());
            }
            let at = now + wait(settings, &msg);
            self.last += 1;
            self.messages.insert(self.last, (at, msg));
            self.due.insert((at, self.last));
        }
        let mut effects = Vec::new();
        if let Some(count) = orders.flush {
            for _ in 0..count.min(self.messages.len()) {
                if let Some((number, (at, msg))) = self.messages.pop_first() {
                    self.due.remove(&(at, number));
                    effects.push(Effect::Release(0, msg));
                }
            }
            effects.push(depth(self.messages.len()));
        } else if shows_depth(settings) {
            effects.push(depth(self.messages.len()));
        }
        Ok(Taken { kept, effects })
    }

    pub(crate) fn clear(&mut self) -> Vec<Message> {
        self.due.clear();
        std::mem::take(&mut self.messages).into_values().map(|(_, msg)| msg).collect()
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn advance(&mut self, settings: &Settings, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some((at, number)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, number));
            if let Some((_, msg)) = self.messages.remove(&number) {
                effects.push(Effect::Release(0, msg));
            }
        }
        if !effects.is_empty() && shows_depth(settings) {
            effects.push(depth(self.messages.len()));
        }
        effects
    }
}

/// As in Node-RED, short delays are not shown.
fn shows_depth(settings: &Settings) -> bool {
    settings.mode == Mode::Hold(Hold::Message) || settings.timeout > Duration::from_secs(1)
}

fn wait(settings: &Settings, msg: &Message) -> Duration {
    match settings.mode {
        Mode::Hold(Hold::Message) => {
            let delay = msg.get("delay").map(|delay| javascript::parse_float(Some(delay)));
            delay.filter(|delay| !delay.is_nan()).map_or(settings.timeout, millis)
        }
        Mode::Hold(Hold::Random) => {
            let (first, last) = (settings.random.0.as_secs_f64(), settings.random.1.as_secs_f64());
            millis((first + (last - first) * fastrand::f64()) * 1000.0)
        }
        _ => settings.timeout,
    }
}

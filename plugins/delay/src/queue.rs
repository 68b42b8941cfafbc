//! `Queue`: rate limiting.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ferrowire::expression::javascript;
use ferrowire::{Key, Message, NodeError, Status, Value};
use tokio::time::Instant;

use crate::settings::{Mode, Settings, millis};
use crate::state::{Effect, MOST_KEPT, Orders, Taken, depth, too_many, was_reset};
use crate::topic::Topic;

/// The minimum time between two statuses with the number of messages.
const REPORT: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<Message>,
    /// The position of each topic's message, counted since the start.
    numbers: HashMap<Topic, u64>,
    /// The number of messages that have left since the start.
    left: u64,
    rate: Duration,
    /// When the next message may pass; `None` if none has passed recently.
    tick: Option<Instant>,
    report: Option<Instant>,
    last_sent: Option<Instant>,
    /// When the messages that passed no longer count, in order.
    passed: VecDeque<Instant>,
}

impl Queue {
    pub(crate) fn new(settings: &Settings) -> Self {
        Queue {
            waiting: VecDeque::new(),
            numbers: HashMap::new(),
            left: 0,
            rate: settings.rate,
            tick: None,
            report: None,
            last_sent: None,
            passed: VecDeque::new(),
        }
    }

    pub(crate) fn begin(&mut self, settings: &Settings, now: Instant) -> Option<Status> {
        match settings.mode {
            Mode::Topics { .. } => {
                self.tick = Some(self.after(now));
                None
            }
            Mode::Burst => Some(ready()),
            _ => None,
        }
    }

    pub(crate) fn clear(&mut self) -> Vec<Message> {
        self.passed.clear();
        (self.tick, self.report, self.last_sent) = (None, None, None);
        self.take_first(usize::MAX)
    }

    fn give_up(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.take_first(usize::MAX).into_iter().map(Effect::Complete));
    }

    /// Removes the first `count` messages, or all.
    fn take_first(&mut self, count: usize) -> Vec<Message> {
        let first: Vec<_> = self.waiting.drain(..count.min(self.waiting.len())).collect();
        self.left += first.len() as u64;
        if !self.numbers.is_empty() {
            for topic in first.iter().filter_map(Topic::of) {
                self.numbers.remove(&topic);
            }
        }
        first
    }

    /// The next tick; always later than `now`, to avoid a busy loop.
    fn after(&self, now: Instant) -> Instant {
        now + self.rate.max(Duration::from_millis(1))
    }

    pub(crate) fn take(
        &mut self,
        settings: &Settings,
        msg: Message,
        now: Instant,
    ) -> Result<Taken, NodeError> {
        let at_once = |effects| Ok(Taken { kept: false, effects });
        match settings.mode {
            Mode::Drop => at_once(self.take_or_drop(settings, msg, now)),
            Mode::Burst => at_once(self.take_burst(settings, msg, now)),
            Mode::Topics { .. } => self.take_topic(settings, msg, now),
            _ => self.take_in_turn(settings, msg, now),
        }
    }

    /// `msg.rate`, if allowed: milliseconds between two messages.
    fn set_rate(&mut self, settings: &Settings, msg: &Message) -> bool {
        let rate = msg.get("rate").filter(|_| settings.allows_rate);
        let rate = rate.map(|rate| javascript::parse_float(Some(rate)));
        let Some(rate) = rate.filter(|rate| rate.is_finite()).map(millis) else { return false };
        std::mem::replace(&mut self.rate, rate) != rate
    }

    fn report_later(&mut self, now: Instant) {
        self.report.get_or_insert(now + REPORT);
    }

    fn take_in_turn(
        &mut self,
        settings: &Settings,
        mut msg: Message,
        now: Instant,
    ) -> Result<Taken, NodeError> {
        let orders = Orders::of(&msg);
        let mut taken = Taken::default();
        if orders.is_message {
            let changed = self.set_rate(settings, &msg);
            if self.tick.is_some() {
                if changed {
                    self.tick = Some(self.after(now));
                }
                self.push(msg)?;
                taken.kept = true;
            } else if !orders.reset {
                self.tick = Some(self.after(now));
                msg.remove("flush");
                taken.effects.push(Effect::Send(0, msg));
            } else if orders.flush.is_some() {
                self.push(msg)?;
                taken.kept = true;
            }
            self.report_later(now);
        }
        if let Some(count) = orders.flush {
            self.flush(count, now, &mut taken.effects);
        }
        if orders.reset {
            if orders.flush.is_none() {
                self.tick = None;
            }
            self.give_up(&mut taken.effects);
            self.rate = settings.rate;
            taken.effects.push(was_reset());
        }
        Ok(taken)
    }

    fn push(&mut self, mut msg: Message) -> Result<(), NodeError> {
        if self.waiting.len() >= MOST_KEPT {
            return Err(too_many());
        }
        msg.remove("flush");
        if msg.get("toFront") == Some(&Value::Bool(true)) {
            self.waiting.push_front(msg);
        } else {
            self.waiting.push_back(msg);
        }
        Ok(())
    }

    fn flush(&mut self, count: usize, now: Instant, effects: &mut Vec<Effect>) {
        let count = count.min(self.waiting.len());
        for mut msg in self.take_first(count) {
            msg.remove("flush");
            msg.remove("reset");
            let is_message = msg.properties().iter().any(|(key, _)| key != "_msgid");
            effects.push(release(is_message, msg));
        }
        if count > 0 {
            self.tick = Some(self.after(now));
        } else if self.waiting.is_empty() {
            self.tick = None;
        }
        effects.push(depth(self.waiting.len()));
    }

    fn take_or_drop(&mut self, settings: &Settings, msg: Message, now: Instant) -> Vec<Effect> {
        if msg.contains_key("reset") {
            self.last_sent = None;
            self.rate = settings.rate;
            return vec![was_reset()];
        }
        self.set_rate(settings, &msg);
        if self.last_sent.is_none_or(|last| now.duration_since(last) > self.rate) {
            self.last_sent = Some(now);
            return vec![Effect::Send(0, msg)];
        }
        dropped(settings, msg).into_iter().collect()
    }

    fn take_burst(&mut self, settings: &Settings, msg: Message, now: Instant) -> Vec<Effect> {
        if msg.contains_key("reset") {
            self.passed.clear();
            return vec![Effect::Status(ready())];
        }
        if (self.passed.len() as f64) < settings.burst {
            self.passed.push_back(now + settings.period);
            return vec![Effect::Send(0, msg)];
        }
        let mut effects: Vec<_> = dropped(settings, msg).into_iter().collect();
        effects.push(Effect::Status(Status::new("red", "dot", "")));
        effects
    }

    fn take_topic(
        &mut self,
        settings: &Settings,
        mut msg: Message,
        now: Instant,
    ) -> Result<Taken, NodeError> {
        if self.set_rate(settings, &msg) {
            self.tick = Some(self.after(now));
        }
        let orders = Orders::of(&msg);
        let is_order = |key: &Key| matches!(key.as_str(), "_msgid" | "topic" | "flush" | "reset");
        let only_orders =
            (orders.flush.is_some() || orders.reset) && msg.properties().keys().all(is_order);
        let mut effects = Vec::new();
        if !only_orders {
            if msg.get("topic").is_none() {
                msg.set("topic", "_none_");
            }
            effects.extend(self.push_topic(settings, msg, now)?);
        }
        if let Some(count) = orders.flush {
            for mut msg in self.take_first(count) {
                msg.remove("flush");
                msg.remove("reset");
                let is_message = !msg.properties().keys().all(is_order);
                effects.push(release(is_message, msg));
            }
            effects.push(Effect::Status(Status::default()));
        }
        if orders.reset {
            self.give_up(&mut effects);
            self.rate = settings.rate;
            effects.push(Effect::Status(Status::new("", "", "reset")));
        }
        Ok(Taken { kept: !only_orders, effects })
    }

    /// Replaces the message of the same topic, or appends the message.
    fn push_topic(
        &mut self,
        settings: &Settings,
        msg: Message,
        now: Instant,
    ) -> Result<Option<Effect>, NodeError> {
        let topic = Topic::of(&msg);
        let number = topic.as_ref().and_then(|topic| self.numbers.get(topic));
        let place = number.and_then(|number| self.waiting.get_mut((number - self.left) as usize));
        if let Some(place) = place {
            let replaced = std::mem::replace(place, msg);
            return Ok(Some(match settings.second_output {
                true => Effect::Release(1, replaced),
                false => Effect::Complete(replaced),
            }));
        }
        if self.waiting.len() >= MOST_KEPT {
            return Err(too_many());
        }
        let number = self.left + self.waiting.len() as u64;
        self.numbers.extend(topic.map(|topic| (topic, number)));
        self.waiting.push_back(msg);
        self.report_later(now);
        Ok(None)
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        [self.tick, self.report, self.passed.front().copied()].into_iter().flatten().min()
    }

    pub(crate) fn advance(&mut self, settings: &Settings, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.tick.is_some_and(|tick| tick <= now) {
            self.tick(settings, now, &mut effects);
        }
        let was_full = self.passed.len() as f64 >= settings.burst;
        let before = self.passed.len();
        while self.passed.front().is_some_and(|at| *at <= now) {
            self.passed.pop_front();
        }
        if was_full && self.passed.len() < before {
            effects.push(Effect::Status(ready()));
        }
        if self.report.is_some_and(|report| report <= now) {
            self.report = None;
            effects.push(depth(self.waiting.len()));
        }
        effects
    }

    fn tick(&mut self, settings: &Settings, now: Instant, effects: &mut Vec<Effect>) {
        let count = match settings.mode {
            Mode::Topics { all: true } => self.waiting.len(),
            _ => 1.min(self.waiting.len()),
        };
        let always = matches!(settings.mode, Mode::Topics { .. });
        self.tick = (always || count > 0).then(|| self.after(now));
        if count > 0 {
            effects.extend(self.take_first(count).into_iter().map(|msg| Effect::Release(0, msg)));
        }
        if count > 0 || !always {
            self.report_later(now);
        }
    }
}

fn ready() -> Status {
    Status::new("green", "ring", "")
}

/// A held message leaves, unless it contains only commands.
fn release(is_message: bool, msg: Message) -> Effect {
    if is_message { Effect::Release(0, msg) } else { Effect::Complete(msg) }
}

/// A dropped message leaves through the second output, if there is one.
fn dropped(settings: &Settings, msg: Message) -> Option<Effect> {
    settings.second_output.then_some(Effect::Send(1, msg))
}

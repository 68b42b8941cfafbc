//! Injects messages at start-up, at intervals, and at set times.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use ferrowire::{Message, NodeConfig, NodeContext, Value};
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::Clock;
use crate::props::Props;

/// The maximum interval, in seconds: the limit of Node.js timers.
const LONGEST_REPEAT: f64 = 2_147_483.0;

/// The maximum delay before the first message, in seconds.
const LONGEST_DELAY: f64 = 2_147_483.0;

#[derive(Clone, Debug)]
pub(crate) struct Timer {
    /// The delay of the first message; repetitions start after it.
    once: Option<Duration>,
    repeat: Repeat,
}

#[derive(Clone, Debug)]
enum Repeat {
    Never,
    Every(Duration),
    Cron(Box<Cron>),
}

impl Timer {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let delay = config.number_in("onceDelay", 0.0..=LONGEST_DELAY);
        let once = config.boolean("once", false);
        // As in Node-RED, 0 means the default.
        let delay = delay.filter(|delay| *delay > 0.0).unwrap_or(0.1);
        Timer {
            once: once.then(|| Duration::from_secs_f64(delay)),
            repeat: Repeat::from_config(config),
        }
    }

    /// Whether nothing is injected automatically.
    pub(crate) fn is_idle(&self) -> bool {
        self.once.is_none() && matches!(self.repeat, Repeat::Never)
    }

    pub(crate) async fn run(&self, props: &Props, cx: &NodeContext) {
        if let Some(delay) = self.once {
            tokio::time::sleep(delay).await;
            inject(props, cx).await;
        }
        match &self.repeat {
            Repeat::Never => {}
            Repeat::Every(period) => {
                let mut ticks = tokio::time::interval_at(Instant::now() + *period, *period);
                // A flow slower than the interval gets no burst afterwards.
                ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                loop {
                    ticks.tick().await;
                    inject(props, cx).await;
                }
            }
            Repeat::Cron(cron) => run_cron(cron, props, cx).await,
        }
    }
}

impl Repeat {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let period = config.number_in("repeat", 0.0..=LONGEST_REPEAT);
        let pattern = match config.raw("crontab") {
            // A checkbox may have saved this.
            Some(Value::Bool(false)) => String::new(),
            _ => config.text("crontab"),
        };
        if let Some(period) = period.filter(|period| *period > 0.0) {
            // Node.js rounds shorter intervals up to a millisecond.
            return Repeat::Every(Duration::from_secs_f64(period.max(0.001)));
        }
        if pattern.trim().is_empty() {
            return Repeat::Never;
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        match parser.parse(pattern.trim()) {
            Ok(cron) => Repeat::Cron(Box::new(cron)),
            Err(error) => {
                let text = format!(
                    "invalid cron expression `{pattern}` ({error}); write five fields: minute, \
                     hour, day, month, weekday"
                );
                config.problem("crontab", text);
                Repeat::Never
            }
        }
    }
}

async fn run_cron(cron: &Cron, props: &Props, cx: &NodeContext) {
    let clock = Clock::local();
    let mut after = clock.now();
    loop {
        let next = match cron.find_next_occurrence(&after, false) {
            Ok(next) => next,
            Err(error) => {
                let pattern = cron.pattern.to_string();
                return cx.fail(format!("`{pattern}` has no further time: {error}"));
            }
        };
        clock.wait_until(&next).await;
        inject(props, cx).await;
        // Starting now: missed times are skipped. If the clock was set back, nothing is injected
        // twice.
        after = clock.now().max(next);
    }
}

async fn inject(props: &Props, cx: &NodeContext) {
    let mut msg = Message::new();
    match props.fill(&mut msg, cx) {
        Ok(()) => cx.send(0, msg).await,
        Err(error) => cx.fail(error),
    }
}

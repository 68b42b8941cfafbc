//! Injects messages at start-up, at intervals, and at set times.

use std::time::Duration;

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds};
use ferrowire::{Message, NodeConfig, NodeContext, Value};
use jiff::Zoned;
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::{Clock, is_set_back};
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
    let mut times = Times::new(cron, Clock::local());
    loop {
        if let Err(error) = times.next().await {
            let pattern = cron.pattern.to_string();
            return cx.fail(format!("`{pattern}` has no further time: {error}"));
        }
        inject(props, cx).await;
    }
}

/// The times of a cron expression, in order.
struct Times<'a> {
    cron: &'a Cron,
    clock: Clock,
    last: Zoned,
}

impl<'a> Times<'a> {
    fn new(cron: &'a Cron, clock: Clock) -> Self {
        Times { cron, last: clock.now(), clock }
    }

    /// Waits for the next time after now: missed times are skipped. A time does not come twice
    /// unless the clock was set back.
    async fn next(&mut self) -> Result<(), CronError> {
        loop {
            let now = self.clock.now();
            if now > self.last || is_set_back(&self.last, &now) {
                self.last = now;
            }
            let next = self.cron.find_next_occurrence(&self.last, false)?;
            if self.clock.wait_until(&next).await {
                self.last = next;
                return Ok(());
            }
        }
    }
}

async fn inject(props: &Props, cx: &NodeContext) {
    let mut msg = Message::new();
    match props.fill(&mut msg, cx) {
        Ok(()) => cx.send(0, msg).await,
        Err(error) => cx.fail(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

    use super::*;

    /// By how many seconds the clock was set back.
    static BACK: AtomicU64 = AtomicU64::new(0);

    fn set_back() -> SystemTime {
        SystemTime::now() - Duration::from_secs(BACK.load(Ordering::Relaxed))
    }

    /// Seconds until the next time.
    async fn next(times: &mut Times<'_>) -> u64 {
        let begin = Instant::now();
        times.next().await.unwrap();
        begin.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_does_not_keep_the_next_time_away() {
        const YEARS: u64 = 3 * 365 * 24 * 60 * 60;
        let cron = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = cron.parse("0 * * * * *").unwrap();
        let mut times = Times::new(&cron, Clock::reading(set_back));
        next(&mut times).await;
        BACK.store(YEARS, Ordering::Relaxed);
        assert!(next(&mut times).await <= 60);
        // Also while it waits.
        let (waited, ()) = tokio::join!(next(&mut times), async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            BACK.store(2 * YEARS, Ordering::Relaxed);
        });
        assert!(waited <= 120, "{waited}");
        // A clock that is put right injects nothing twice.
        BACK.store(2 * YEARS + 2, Ordering::Relaxed);
        assert!(next(&mut times).await >= 60);
    }
}

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
use crate::turn::Turn;

/// The maximum interval, in seconds: the limit of Node.js timers.
const LONGEST_REPEAT: f64 = 2_147_483.0;

/// The maximum delay before the first message, in seconds.
const LONGEST_DELAY: f64 = 2_147_483.0;

#[derive(Clone, Debug)]
pub(crate) struct Timer {
    /// The delay of the first message; repetitions start after it.
    once: Option<Duration>,
    repeat: Repeat,
    /// Whether one instance of a cluster injects for all.
    once_in_cluster: bool,
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
            once_in_cluster: config.text("cluster") == "once",
        }
    }

    /// Whether nothing is injected automatically.
    pub(crate) fn is_idle(&self) -> bool {
        self.once.is_none() && matches!(self.repeat, Repeat::Never)
    }

    pub(crate) async fn run(&self, props: &Props, cx: &NodeContext) {
        let turn = if self.once_in_cluster { Turn::of(cx) } else { None };
        match turn {
            None => self.run_always((props, cx)).await,
            Some(turn) => self.run_in_turn(turn, (props, cx)).await,
        }
    }

    async fn run_always(&self, (props, cx): To<'_>) {
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

    async fn run_in_turn(&self, mut turn: Turn, to: To<'_>) {
        if let Some(delay) = self.once {
            tokio::time::sleep(delay).await;
            if turn.decided().await {
                inject(to.0, to.1).await;
            }
        }
        match &self.repeat {
            // The lease is kept: another instance injects nothing later on.
            Repeat::Never => std::future::pending().await,
            Repeat::Every(period) => every_in_turn(*period, turn, to).await,
            Repeat::Cron(cron) => cron_in_turn(cron, turn, to).await,
        }
    }
}

/// What is injected, and from where.
type To<'a> = (&'a Props, &'a NodeContext);

/// Injects at an interval while it is this instance's turn. It begins when the period of the one before is over.
async fn every_in_turn(period: Duration, mut turn: Turn, (props, cx): To<'_>) {
    let clock = Clock::local();
    let mut due = Instant::now() + period;
    loop {
        tokio::time::sleep_until(due).await;
        turn.here().await;
        let now = clock.now().timestamp();
        let left = turn.left(period, now);
        if !left.is_zero() {
            due = Instant::now() + left;
            continue;
        }
        if turn.take(now, now).await {
            inject(props, cx).await;
        }
        // A flow slower than the interval gets no burst afterwards.
        let late = due.elapsed();
        due += period * u32::try_from(late.as_nanos() / period.as_nanos()).unwrap_or(u32::MAX);
        due += period;
    }
}

/// Injects at the times of a cron expression while it is this instance's turn. A time that passed while it was
/// nobody's turn is made up for until the next one.
async fn cron_in_turn(cron: &Cron, mut turn: Turn, (props, cx): To<'_>) {
    let mut times = Times::new(cron, Clock::local());
    let mut open = None;
    loop {
        tokio::select! {
            next = times.next() => match next {
                Ok(()) => open = Some(times.last.timestamp()),
                Err(error) => {
                    let pattern = cron.pattern.to_string();
                    return cx.fail(format!("`{pattern}` has no further time: {error}"));
                }
            },
            () = turn.here(), if open.is_some() => {}
        }
        let now = times.clock.now().timestamp();
        if turn.is_here()
            && let Some(time) = open.take()
            && turn.take(time, now).await
        {
            inject(props, cx).await;
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
        match parse_cron(pattern.trim()) {
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

/// Reads a cron expression. Its lists have no empty items, as in Node-RED: a field that allows no value at all would
/// have the next time searched second by second, over thousands of years.
fn parse_cron(pattern: &str) -> Result<Cron, CronError> {
    let mut items = pattern.split_whitespace().flat_map(|field| field.split(','));
    if items.any(str::is_empty) {
        return Err(CronError::InvalidPattern("a list has an empty item".into()));
    }
    CronParser::builder().seconds(Seconds::Optional).build().parse(pattern)
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

//! `Settings`: the node's properties, checked.

use std::time::Duration;

use ferrowire::NodeConfig;

/// The mode of the node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// Delays each message: by a fixed time, by `msg.delay`, or by a random time.
    Hold(Hold),
    /// Passes one message per interval and queues the others.
    Rate,
    /// Passes one message per interval and drops the others.
    Drop,
    /// Passes a number of messages per period and drops the others.
    Burst,
    /// Queues the latest message of each topic; passes one topic, or all, per interval.
    Topics { all: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hold {
    Fixed,
    Message,
    Random,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) timeout: Duration,
    pub(crate) random: (Duration, Duration),
    /// The interval between messages.
    pub(crate) rate: Duration,
    /// The number of messages that pass per `period`.
    pub(crate) burst: f64,
    pub(crate) period: Duration,
    pub(crate) allows_rate: bool,
    /// Dropped messages leave through a second output.
    pub(crate) second_output: bool,
}

/// The maximum delay of a message.
pub(crate) const LONGEST: f64 = 86_400_000.0 * 36_500.0;

/// The maximum number of messages in a burst, since the time of each is stored.
const MOST_IN_BURST: f64 = 1_048_576.0;

/// A number of milliseconds, clamped to the valid range.
pub(crate) fn millis(number: f64) -> Duration {
    let number = if number.is_nan() { 0.0 } else { number };
    Duration::from_secs_f64(number.clamp(0.0, LONGEST) / 1000.0)
}

fn unit(name: &str) -> f64 {
    match name.trim_end_matches('s') {
        "millisecond" => 1.0,
        "minute" => 60_000.0,
        "hour" => 3_600_000.0,
        "day" => 86_400_000.0,
        _ => 1000.0,
    }
}

impl Settings {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let drop = config.boolean("drop", false);
        let mode = match config.text_or("pauseType", "delay").as_str() {
            "delay" => Mode::Hold(Hold::Fixed),
            "delayv" => Mode::Hold(Hold::Message),
            "random" => Mode::Hold(Hold::Random),
            "rate" if drop => Mode::Drop,
            "rate" => Mode::Rate,
            "burst" => Mode::Burst,
            "queue" => Mode::Topics { all: false },
            "timed" => Mode::Topics { all: true },
            other => {
                config.problem(
                    "pauseType",
                    format!("invalid mode `{other}`; select one in the editor"),
                );
                Mode::Hold(Hold::Fixed)
            }
        };
        let timeout = time(config, "timeout", "timeoutUnits");
        let random =
            (time(config, "randomFirst", "randomUnits"), time(config, "randomLast", "randomUnits"));
        let rate_unit = unit(&config.text("rateUnits"));
        let burst = config.number("rate").unwrap_or(1.0);
        if burst <= 0.0 && !matches!(mode, Mode::Hold(_)) {
            config.problem("rate", format!("expected a number above 0, found `{burst}`"));
        }
        if burst > MOST_IN_BURST && mode == Mode::Burst {
            let text = format!("expected at most {MOST_IN_BURST} messages, found {burst}");
            config.problem("rate", text);
        }
        let units = config.number_in("nbRateUnits", 0.0..=1e9).filter(|units| *units > 0.0);
        let period = rate_unit * units.unwrap_or(1.0);
        Settings {
            mode,
            timeout,
            random,
            rate: millis(period / burst.max(f64::MIN_POSITIVE)),
            burst,
            period: millis(period),
            allows_rate: config.boolean("allowrate", false),
            second_output: config.number("outputs") == Some(2.0),
        }
    }
}

fn time(config: &mut NodeConfig<'_>, name: &str, units: &str) -> Duration {
    let unit = unit(&config.text(units));
    let number = config.number_in(name, 0.0..=LONGEST).unwrap_or(0.0);
    millis(number * unit)
}

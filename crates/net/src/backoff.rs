//! `Backoff`: the delays between a client's attempts to connect.

use std::time::Duration;

use ferrowire_core::NodeConfig;

/// The maximum delay, as a multiple of the first one, unless the node says another.
const LONGEST: u32 = 20;

/// More failures in a row make delays no longer.
const MOST: u32 = 16;

/// The properties `reconnectDelay` and `reconnectMax`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackoffOptions {
    first: Option<Duration>,
    longest: Option<Duration>,
}

impl BackoffOptions {
    /// Reads them: seconds, empty for the runtime's setting.
    pub fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let mut seconds = |name| {
            let seconds = config.number_in(name, 0.001..=86_400.0)?;
            Some(Duration::from_secs_f64(seconds))
        };
        let (first, longest) = (seconds("reconnectDelay"), seconds("reconnectMax"));
        if let (Some(first), Some(longest)) = (first, longest)
            && longest < first
        {
            config.problem("reconnectMax", "expected at least `reconnectDelay`");
        }
        BackoffOptions { first, longest }
    }

    /// Delays up to `longest`, the first of which is randomized too.
    pub fn up_to(longest: Duration) -> Self {
        BackoffOptions { first: None, longest: Some(longest) }
    }

    /// Whether the node has delays of its own.
    pub fn is_own(self) -> bool {
        self.first.is_some() || self.longest.is_some()
    }
}

/// Delays that grow with each failure in a row. They are randomized so that many clients do not
/// reconnect at the same time.
///
/// With a longest delay of the node, the first one is randomized too: when a server restarts, all
/// its clients lose their connections at once.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// The node has a longest delay.
    spreads: bool,
    failures: u32,
    last: Duration,
}

impl Backoff {
    /// The delays of a node; `setting` is the first one if it has none of its own.
    pub fn new(options: BackoffOptions, setting: Duration) -> Self {
        let first = options.first.unwrap_or(setting);
        let longest = options.longest.unwrap_or(first * LONGEST);
        Backoff {
            first: first.min(longest),
            longest,
            spreads: options.longest.is_some(),
            failures: 0,
            last: Duration::ZERO,
        }
    }

    /// Starts over.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Starts over after a connection, unless it was so short that the server seems to refuse what
    /// it accepts.
    pub fn connected_for(&mut self, time: Duration) {
        if !self.spreads || time >= self.last {
            self.reset();
        }
    }

    /// A delay after so many failures before the last one, for who counts them.
    pub fn after(&self, failures: u32) -> Duration {
        let longest = self.first.saturating_mul(1 << failures.min(MOST)).min(self.longest);
        let share = match failures == 0 && !self.spreads {
            true => 1.0,
            false => 0.5 + fastrand::f64() / 2.0,
        };
        longest.mul_f64(share)
    }

    /// The next delay. `wish` is what the server asked for; it is followed by nodes with a longest
    /// delay, up to that.
    pub fn next(&mut self, wish: Option<Duration>) -> Duration {
        let delay = self.after(self.failures);
        self.failures = (self.failures + 1).min(MOST);
        self.last = match (self.spreads, wish) {
            (true, Some(wish)) => wish.min(self.longest) + delay,
            (true, None) => delay,
            (false, _) => delay.max(self.first),
        };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(3);

    #[test]
    fn delays_begin_with_the_first_grow_and_stay_bounded() {
        let mut backoff = Backoff::new(BackoffOptions::default(), FIRST);
        assert_eq!(backoff.next(None), FIRST);
        for _ in 0..100 {
            let delay = backoff.next(Some(FIRST * 100));
            assert!(delay >= FIRST && delay <= FIRST * LONGEST, "{delay:?}");
        }
        assert!(backoff.next(None) >= FIRST * LONGEST / 2);
        backoff.connected_for(Duration::ZERO);
        assert_eq!(backoff.next(None), FIRST);
    }

    #[test]
    fn with_a_longest_delay_the_first_is_randomized_and_all_stay_below_it() {
        let longest = FIRST * 4;
        let options = BackoffOptions { first: Some(FIRST), longest: Some(longest) };
        let mut backoff = Backoff::new(options, Duration::from_secs(60));
        for most in [FIRST, FIRST * 2, longest, longest] {
            let delay = backoff.next(None);
            assert!(delay >= most / 2 && delay <= most, "{delay:?} of {most:?}");
        }
        let firsts: Vec<Duration> =
            (0..20).map(|_| Backoff::new(options, FIRST).next(None)).collect();
        assert!(firsts.windows(2).any(|two| two[0] != two[1]), "{firsts:?}");
    }

    #[test]
    fn a_connection_shorter_than_the_last_delay_does_not_start_over() {
        let options = BackoffOptions { first: Some(FIRST), longest: Some(FIRST * 8) };
        let mut backoff = Backoff::new(options, FIRST);
        for _ in 0..4 {
            backoff.next(None);
        }
        backoff.connected_for(Duration::from_millis(10));
        assert!(backoff.next(None) >= FIRST * 4);
        backoff.connected_for(FIRST * 8);
        assert!(backoff.next(None) <= FIRST);
    }

    #[test]
    fn a_wish_of_the_server_is_followed_up_to_the_longest_delay() {
        let options = BackoffOptions { first: Some(FIRST), longest: Some(FIRST * 8) };
        let mut backoff = Backoff::new(options, FIRST);
        let delay = backoff.next(Some(FIRST * 2));
        assert!(delay >= FIRST * 2 && delay <= FIRST * 3, "{delay:?}");
        let delay = backoff.next(Some(FIRST * 1000));
        assert!(delay >= FIRST * 8 && delay <= FIRST * 10, "{delay:?}");
    }
}

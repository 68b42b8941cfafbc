//! `Failures`: which of a client's failures to connect are warnings: the first, and then one every so often.

use std::time::Duration;

use tokio::time::Instant;

/// The same failure is a warning again after this time.
const AGAIN: Duration = Duration::from_secs(600);

/// The failures since the last connection.
#[derive(Debug, Default)]
pub struct Failures {
    /// The last warning, and when it was given.
    warned: Option<(String, Instant)>,
    /// How many came since then.
    more: u64,
    all: u64,
}

impl Failures {
    /// The warning for a failure, if it is to be one.
    pub fn add(&mut self, text: &str) -> Option<String> {
        self.all += 1;
        let now = Instant::now();
        let is_known = |(warned, at): &(String, Instant)| *warned == text && now < *at + AGAIN;
        if self.warned.as_ref().is_some_and(is_known) {
            self.more += 1;
            return None;
        }
        let warning = match std::mem::take(&mut self.more) {
            0 => text.to_owned(),
            more => format!("{text} (attempts that failed since the last warning: {more})"),
        };
        self.warned = Some((text.to_owned(), now));
        Some(warning)
    }

    /// A connection was established: how many attempts had failed before.
    pub fn end(&mut self) -> u64 {
        std::mem::take(self).all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_failure_is_a_warning_every_so_often() {
        let mut failures = Failures::default();
        let mut add = |text: &str| failures.add(text);
        assert_eq!(add("refused").as_deref(), Some("refused"));
        assert_eq!((add("refused"), add("refused")), (None, None));
        tokio::time::advance(AGAIN).await;
        let again = "refused (attempts that failed since the last warning: 2)";
        assert_eq!(add("refused").as_deref(), Some(again));
        assert_eq!(add("refused"), None);
        let other = "unknown host (attempts that failed since the last warning: 1)";
        assert_eq!(add("unknown host").as_deref(), Some(other));
        assert_eq!(failures.end(), 6);
        assert_eq!(failures.add("unknown host").as_deref(), Some("unknown host"));
    }
}

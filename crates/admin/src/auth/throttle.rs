//! `Throttle`: limits how often a login may be tried.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time for which an attempt counts.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// The attempts that are allowed for one user name within the window.
const ATTEMPTS: usize = 5;

/// The attempts that are kept for all names. Beyond it, the oldest is dropped and no longer counts.
const REMEMBERED: usize = 10_000;

/// Counts attempts to log in.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    attempts: Mutex<VecDeque<(Instant, String)>>,
}

impl Throttle {
    /// Counts an attempt for `user`, and returns whether it is allowed.
    pub(crate) fn try_for(&self, user: &str) -> bool {
        let now = Instant::now();
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        while attempts.front().is_some_and(|(time, _)| now.duration_since(*time) >= WINDOW) {
            attempts.pop_front();
        }
        if attempts.len() >= REMEMBERED {
            attempts.pop_front();
        }
        attempts.push_back((now, user.to_owned()));
        attempts.iter().filter(|(_, name)| name == user).count() <= ATTEMPTS
    }

    /// Drops the attempts for `user`, after a login.
    pub(crate) fn forget(&self, user: &str) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(|(_, name)| name != user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_sixth_attempt_within_ten_minutes_is_refused() {
        let throttle = Throttle::default();
        for _ in 0..ATTEMPTS {
            assert!(throttle.try_for("eve"));
        }
        assert!(!throttle.try_for("eve"));
        assert!(throttle.try_for("adam"), "other names are not affected");
        tokio::time::advance(WINDOW).await;
        assert!(throttle.try_for("eve"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_resets_the_attempts() {
        let throttle = Throttle::default();
        for _ in 0..=ATTEMPTS {
            throttle.try_for("eve");
        }
        throttle.forget("eve");
        assert!(throttle.try_for("eve"));
    }

    #[tokio::test(start_paused = true)]
    async fn many_names_do_not_fill_the_memory() {
        let throttle = Throttle::default();
        for name in 0..REMEMBERED + 100 {
            throttle.try_for(&name.to_string());
        }
        assert_eq!(throttle.attempts.lock().unwrap().len(), REMEMBERED);
    }
}

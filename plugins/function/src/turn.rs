//! `Turn`: a value that is used by one task at a time, each time briefly. Waiting tasks are not served in
//! order: the task that has the value keeps it until it has no work left. Handing it over for each message
//! would cost several times as much as the message itself.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, TryLockError};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Turn<T> {
    value: Mutex<T>,
    freed: Notify,
    waiting: AtomicUsize,
    /// A waiting task was woken and has not run yet, so no other one needs to be woken.
    called: AtomicBool,
}

impl<T> Turn<T> {
    /// Does `work` with the value and `input`. The value remains usable after a panic.
    ///
    /// # Errors
    /// `input`, if another task uses the value.
    pub(crate) fn now<I, R>(&self, input: I, work: impl FnOnce(&mut T, I) -> R) -> Result<R, I> {
        // Dropped last, after the value was released.
        let _next;
        let mut value = match self.value.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(input),
        };
        _next = CallNext(self);
        Ok(work(&mut value, input))
    }

    /// As [`now`](Self::now), as soon as no other task uses the value.
    pub(crate) async fn later<I, R>(&self, mut input: I, work: impl Fn(&mut T, I) -> R) -> R {
        let _waiting = Waiting::new(&self.waiting);
        loop {
            let mut freed = pin!(self.freed.notified());
            if freed.as_mut().enable() {
                // A wake-up without a waiting task.
                self.called.store(false, Ordering::SeqCst);
            }
            // The task that has the value has either released it by now, or sees that this one waits.
            fence(Ordering::SeqCst);
            match self.now(input, &work) {
                Ok(result) => return result,
                Err(back) => input = back,
            }
            freed.await;
            self.called.store(false, Ordering::SeqCst);
        }
    }
}

/// Wakes the next waiting task, also after a panic.
struct CallNext<'a, T>(&'a Turn<T>);

impl<T> Drop for CallNext<'_, T> {
    fn drop(&mut self) {
        fence(Ordering::SeqCst);
        let Turn { waiting, called, freed, .. } = self.0;
        if waiting.load(Ordering::Relaxed) > 0 && !called.swap(true, Ordering::SeqCst) {
            freed.notify_one();
        }
    }
}

/// Counts the waiting tasks, also if they are cancelled.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    async fn one_turn(turn: &Turn<usize>, gives_up: bool) {
        let add = |count: &mut usize, ()| *count += 1;
        if turn.now((), add).is_err() {
            let waiting = turn.later((), add);
            if gives_up {
                // Woken already, or not yet.
                tokio::select! { biased;
                    () = tokio::task::yield_now() => turn.later((), add).await,
                    () = waiting => {}
                }
            } else {
                waiting.await;
            }
        }
        tokio::task::yield_now().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn everyone_gets_a_turn() {
        for _ in 0..50 {
            let turn = Arc::new(Turn::<usize>::default());
            let mut tasks = JoinSet::new();
            for number in 0..40_usize {
                let turn = Arc::clone(&turn);
                tasks.spawn(async move {
                    for step in 0..50 {
                        one_turn(&turn, (number + step) % 7 == 0).await;
                    }
                });
            }
            tasks.join_all().await;
            assert_eq!(turn.now((), |count, ()| *count), Ok(2000));
        }
    }

    #[tokio::test]
    async fn a_panic_does_not_keep_the_value() {
        let turn = Turn::<usize>::default();
        let panics = || turn.now((), |_, ()| panic!("on purpose"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
        assert_eq!(turn.later(1, |count, add| *count + add).await, 1);
    }
}

//! The queue between those who log and the thread that writes.

use std::io::{ErrorKind, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferrowire_core::MutexExt as _;

use super::repeats::{Form, Repeats};

/// As many bytes wait, or one line that is longer. While they do, lines are dropped.
const MOST: usize = 1 << 20;

/// An output that takes nothing and does not block is asked again after this time.
const RETRY: Duration = Duration::from_millis(10);

/// Lines that wait to be written. Nobody but its thread waits for who reads them.
pub(super) struct Queue {
    state: Mutex<State>,
    /// There may be something to write.
    filled: Condvar,
    /// Something was written.
    emptied: Condvar,
}

struct State {
    waiting: Vec<u8>,
    /// How many lines had no room behind those that wait.
    dropped: u64,
    repeats: Repeats,
    /// How many lines came, dropped ones among them, and for how many of them all is done.
    came: u64,
    done: u64,
    /// Somebody waited for the writer in vain.
    is_stuck: bool,
}

impl State {
    /// Once a line is dropped, all are until the thread takes the others: so it is known where
    /// they are missing.
    fn add(&mut self, line: &[u8]) {
        self.came += 1;
        let has_room = self.waiting.is_empty() || self.waiting.len() + line.len() <= MOST;
        if has_room && self.dropped == 0 {
            self.waiting.extend_from_slice(line);
        } else {
            self.dropped += 1;
        }
    }
}

impl Queue {
    pub(super) fn new(form: Form) -> Self {
        let state = State {
            waiting: Vec::new(),
            dropped: 0,
            repeats: Repeats::new(form),
            came: 0,
            done: 0,
            is_stuck: false,
        };
        Queue { state: Mutex::new(state), filled: Condvar::new(), emptied: Condvar::new() }
    }

    /// Every change of the state is complete when a panic could come.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }

    /// Adds a line, or drops it when there is no room.
    pub(super) fn add(&self, line: &[u8]) {
        self.lock().add(line);
        self.filled.notify_one();
    }

    /// As [`add`](Self::add), but a line that was just written is only counted.
    pub(super) fn add_repeated(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.repeats.admit(line, Instant::now()) {
            state.add(line);
            drop(state);
            self.filled.notify_one();
        }
    }

    /// Writes lines for ever. `dropped` makes the line that says how many were dropped.
    pub(super) fn write_to(&self, mut output: impl Write, dropped: impl Fn(u64) -> Vec<u8>) {
        let mut batch = Vec::new();
        loop {
            let (missing, came) = self.take(&mut batch);
            if missing > 0 {
                batch.extend_from_slice(&dropped(missing));
            }
            write_all(&mut output, &batch);
            batch.clear();
            batch.shrink_to(MOST);
            let mut state = self.lock();
            (state.done, state.is_stuck) = (came, false);
            drop(state);
            self.emptied.notify_all();
        }
    }

    /// Waits for lines and takes them: how many are missing behind them, and how many had come.
    fn take(&self, batch: &mut Vec<u8>) -> (u64, u64) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            while let Some(line) = state.repeats.take_due(now) {
                state.add(&line);
            }
            if !state.waiting.is_empty() || state.dropped > 0 {
                mem::swap(&mut state.waiting, batch);
                return (mem::take(&mut state.dropped), state.came);
            }
            state = match state.repeats.next() {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let waited = self.filled.wait_timeout(state, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Waits until the lines that have come are written, at most for `limit`; not at all after
    /// somebody has waited in vain.
    pub(super) fn flush(&self, limit: Duration) {
        let state = self.lock();
        if !state.is_stuck {
            self.wait(state, limit);
        }
    }

    /// Has everything written at the end of the process, the numbers of repeated lines as well.
    pub(super) fn finish(&self, limit: Duration) {
        let mut state = self.lock();
        for line in state.repeats.take_all() {
            state.add(&line);
        }
        self.filled.notify_one();
        self.wait(state, limit);
    }

    fn wait(&self, state: MutexGuard<'_, State>, limit: Duration) {
        let came = state.came;
        let waited = self.emptied.wait_timeout_while(state, limit, |state| state.done < came);
        let (mut state, end) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_stuck = end.timed_out();
    }
}

/// Writes all, unless the output is closed: nobody could be told.
///
/// Whoever shares standard error may have made it one that does not block. It then takes nothing
/// while it is full, and does not say when it is no longer.
fn write_all(output: &mut impl Write, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return,
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::park_timeout(RETRY),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// An output that says what is written, and lets a write end when it is told to.
    struct Output {
        wrote: SyncSender<String>,
        go_on: Receiver<()>,
    }

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.wrote.send(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
            self.go_on.recv().unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Reader {
        queue: Arc<Queue>,
        written: Receiver<String>,
        go_on: SyncSender<()>,
    }

    impl Reader {
        fn start() -> Self {
            let queue = Arc::new(Queue::new(Form::Text));
            // Nobody who reads waits for the writer at the end of a test.
            let ((wrote, written), (go_on, going)) = (sync_channel(16), sync_channel(16));
            let writing = Arc::clone(&queue);
            std::thread::spawn(move || {
                let dropped = |count| format!("{count} dropped\n").into_bytes();
                writing.write_to(Output { wrote, go_on: going }, dropped);
            });
            Reader { queue, written, go_on }
        }

        /// What is being written, which is not done before the next call.
        fn next(&self) -> String {
            self.written.recv().unwrap()
        }

        fn go_on(&self) {
            self.go_on.send(()).unwrap();
        }
    }

    #[test]
    fn what_has_no_room_is_counted_where_it_is_missing() {
        let reader = Reader::start();
        reader.queue.add(b"first\n");
        assert_eq!(reader.next(), "first\n");
        let long = vec![b'x'; MOST - 2];
        for line in [&b"2\n"[..], &long, b"lost\n", b"3\n"] {
            reader.queue.add(line);
        }
        reader.go_on();
        let second = reader.next();
        assert!(second.starts_with("2\nxxx") && second.ends_with("xxx2 dropped\n"));
        reader.queue.add(b"4\n");
        reader.go_on();
        assert_eq!(reader.next(), "4\n");
    }

    #[test]
    fn a_line_longer_than_all_that_may_wait_is_written() {
        let reader = Reader::start();
        reader.queue.add(&vec![b'x'; 2 * MOST]);
        assert_eq!(reader.next().len(), 2 * MOST);
    }

    #[test]
    fn nobody_waits_for_ever_for_an_output_that_takes_nothing() {
        let reader = Reader::start();
        reader.queue.add(b"a\n");
        assert_eq!(reader.next(), "a\n");
        reader.queue.flush(Duration::ZERO);
        assert!(reader.queue.lock().is_stuck);
        // It has been waited for: this would never end.
        reader.queue.flush(Duration::MAX);
        reader.go_on();
        reader.queue.add(b"b\n");
        assert_eq!(reader.next(), "b\n");
        assert!(!reader.queue.lock().is_stuck);
        reader.go_on();
        reader.queue.flush(Duration::MAX);
        assert_eq!(reader.queue.lock().done, 2);
    }

    #[test]
    fn an_output_that_does_not_block_gets_everything_as_well() {
        struct Nonblocking {
            takes: bool,
            taken: Vec<u8>,
        }
        impl Write for Nonblocking {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.takes = !self.takes;
                if !self.takes {
                    return Err(ErrorKind::WouldBlock.into());
                }
                let some = bytes.len().min(2);
                self.taken.extend_from_slice(&bytes[..some]);
                Ok(some)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut output = Nonblocking { takes: false, taken: Vec::new() };
        write_all(&mut output, b"a line\n");
        assert_eq!(output.taken, b"a line\n");
    }

    #[test]
    fn the_end_has_the_numbers_of_repeated_lines() {
        let reader = Reader::start();
        for line in [&b"1 a\n"[..], b"2 a\n", b"3 a\n"] {
            reader.queue.add_repeated(line);
        }
        assert_eq!(reader.next(), "1 a\n");
        for _ in 0..2 {
            reader.go_on();
        }
        reader.queue.finish(Duration::MAX);
        assert_eq!(reader.next(), "3 a repeated=2\n");
    }
}

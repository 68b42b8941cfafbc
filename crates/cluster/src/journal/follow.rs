//! Follows one place of a journal: reads what is kept, hears what comes, and reads what did not come.

use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::cluster::{Follower, JournalEntry, JournalError, Past, Told};
use futures_util::stream::StreamExt as _;
use tokio::sync::watch;

use crate::archive::{Archive, Arrived, Extract};
use crate::journal::{Inner, State, settled};
use crate::metrics;

/// How long after a failure, and how long a follower without room is left alone.
const PAUSE: Duration = Duration::from_millis(100);

/// In a network of several servers a subscription counts a moment later everywhere, so the place is read again after
/// this time.
const AGAIN: Duration = Duration::from_secs(1);

/// Follows a place until it is dropped.
pub(super) async fn run(inner: Arc<Inner>, place: String, follower: Box<dyn Follower>) {
    let mut state = inner.state.subscribe();
    let mut at = Place { inner: &inner, place, follower, known: None };
    loop {
        match settled(&mut state).await {
            State::Unusable(why) => {
                while !at.follower.tell(Told::Unusable(why.to_string())) {
                    tokio::time::sleep(PAUSE).await;
                }
                return;
            }
            State::Open { epoch, round } => {
                let _failed = at.round(&epoch, round, &mut state).await;
                // A round that goes on has ended for a reason that may last.
                if *state.borrow() == (State::Open { epoch, round }) {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            State::Closed => return,
        }
    }
}

struct Place<'a> {
    inner: &'a Inner,
    place: String,
    follower: Box<dyn Follower>,
    /// What the follower knows: the messages of an epoch up to a number.
    known: Option<(Arc<str>, u64)>,
}

/// A round has ended.
struct Ended;

impl From<JournalError> for Ended {
    fn from(_: JournalError) -> Self {
        Ended
    }
}

impl Place<'_> {
    /// Follows while the journal stays what it is.
    async fn round(
        &mut self,
        epoch: &Arc<str>,
        round: u64,
        state: &mut watch::Receiver<State>,
    ) -> Result<(), Ended> {
        let archive = Arc::clone(self.inner.archive()?);
        let mut arrivals = archive.follow(&self.inner.names, &self.place).await?;
        self.read(&archive, epoch).await?;
        let over =
            |state: &State| !matches!(state, State::Open { round: now, .. } if *now == round);
        // What it returns must not live across other waits.
        let mut over = std::pin::pin!(async {
            let _over = state.wait_for(over).await;
        });
        let mut again = std::pin::pin!(tokio::time::sleep(AGAIN));
        let mut is_sure = false;
        loop {
            tokio::select! {
                biased;
                () = &mut over => return Err(Ended),
                arrived = arrivals.next() => {
                    self.arrived(&archive, epoch, arrived.ok_or(Ended)?).await?;
                }
                () = &mut again, if !is_sure => {
                    is_sure = true;
                    self.read(&archive, epoch).await?;
                }
            }
        }
    }

    async fn arrived(
        &mut self,
        archive: &Arc<dyn Archive>,
        epoch: &Arc<str>,
        arrived: Arrived,
    ) -> Result<(), Ended> {
        let last = self.known.as_ref().map_or(0, |(_, last)| *last);
        if arrived.before > last {
            metrics::JOURNAL_GAPS.increment();
            return self.read(archive, epoch).await;
        }
        if arrived.sequence <= last {
            // It was read before it came, or the journal is another one.
            self.inner.suspect.notify_one();
            return Ok(());
        }
        let Arrived { sequence, message, .. } = arrived;
        self.tell_entry(JournalEntry { sequence, previous: last, message, age: Duration::ZERO })
    }

    /// Reads and tells what the follower does not know yet.
    async fn read(&mut self, archive: &Arc<dyn Archive>, epoch: &Arc<str>) -> Result<(), Ended> {
        let known = self.known.as_ref().filter(|(of, _)| of == epoch).map(|(_, last)| *last);
        let _turn = self.inner.reading.acquire().await.map_err(|_| Ended)?;
        let range = (known.unwrap_or(0), self.inner.shape.at_once);
        let extract =
            archive.read(&self.inner.names, &self.place, range).await.inspect_err(|_| {
                self.inner.suspect.notify_one();
            })?;
        if extract.epoch != **epoch {
            self.inner.suspect.notify_one();
            return Err(Ended);
        }
        match known {
            // The journal is shorter than it was: it was restored, for example. The next round reads it anew.
            Some(last) if extract.last < last => {
                self.known = None;
                Err(Ended)
            }
            Some(last) => self.tell_rest(extract, last),
            None => {
                let last = extract.last;
                self.tell_past(epoch, extract, last)
            }
        }
    }

    fn tell_past(&mut self, epoch: &Arc<str>, extract: Extract, last: u64) -> Result<(), Ended> {
        let lost = self.lost(&extract);
        let last = extract.items.back().map_or(last, |item| item.sequence.max(last));
        let mut previous = lost;
        let entries = extract.items.into_iter().map(|item| {
            let before = std::mem::replace(&mut previous, item.sequence);
            JournalEntry {
                sequence: item.sequence,
                previous: before,
                message: item.message,
                age: item.age,
            }
        });
        let past = Past { epoch: epoch.to_string(), last, lost, entries: entries.collect() };
        if !self.follower.tell(Told::Past(past)) {
            return Err(Ended);
        }
        self.known = Some((Arc::clone(epoch), last));
        Ok(())
    }

    fn tell_rest(&mut self, extract: Extract, last: u64) -> Result<(), Ended> {
        let mut previous = last.max(self.lost(&extract));
        for item in extract.items.into_iter().filter(|item| item.sequence > last) {
            let sequence = item.sequence;
            let entry = JournalEntry { sequence, previous, message: item.message, age: item.age };
            self.tell_entry(entry)?;
            previous = sequence;
        }
        Ok(())
    }

    fn tell_entry(&mut self, entry: JournalEntry) -> Result<(), Ended> {
        let sequence = entry.sequence;
        if !self.follower.tell(Told::Entry(entry)) {
            return Err(Ended);
        }
        if let Some((_, last)) = &mut self.known {
            *last = sequence;
        }
        Ok(())
    }

    /// The highest number of which a message of the place may have been dropped, as far as an extract tells.
    fn lost(&self, extract: &Extract) -> u64 {
        let dropped = extract.first.saturating_sub(1);
        let Some(first) = extract.items.front().map(|item| item.sequence) else { return dropped };
        let is_full = !self.inner.shape.by_key && extract.items.len() > self.inner.shape.messages;
        let before = if extract.cut || is_full { first - 1 } else { 0 };
        dropped.min(first - 1).max(before)
    }
}

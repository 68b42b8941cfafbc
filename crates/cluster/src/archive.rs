//! `Archive`: where journals are kept.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ferrowire_core::cluster::{JournalError, Shape};
use futures_util::stream::BoxStream;

use crate::names::JournalNames;

/// Keeps journals: in NATS, or in memory for tests.
#[async_trait]
pub(crate) trait Archive: Send + Sync {
    /// How many bytes a message may have.
    fn largest(&self) -> usize;
    /// Looks at a journal, and makes it if there is none.
    async fn open(&self, names: &JournalNames, shape: &Shape) -> Result<Opened, JournalError>;
    /// Appends a message; ends when it is durable. `id` is that of the message, over all instances: sent again
    /// within two minutes, it is kept once.
    async fn append(
        &self,
        names: &JournalNames,
        (subject, message): (String, Bytes),
        id: String,
    ) -> Result<(), JournalError>;
    /// Begins to tell what is appended to the subjects below `place`.
    async fn follow(
        &self,
        names: &JournalNames,
        place: &str,
    ) -> Result<BoxStream<'static, Arrived>, JournalError>;
    /// What is kept of the subjects below `place` after a number: at most the newest `at_once` bytes.
    async fn read(
        &self,
        names: &JournalNames,
        place: &str,
        (after, at_once): (u64, usize),
    ) -> Result<Extract, JournalError>;
}

/// A journal as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) epoch: String,
    /// The last number.
    pub(crate) last: u64,
    pub(crate) bytes: u64,
}

/// A message that has come by itself. Some may be missing before it.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) sequence: u64,
    /// The number of the one before it with its subject, 0 if none is kept.
    pub(crate) before: u64,
    pub(crate) message: Bytes,
}

/// A part of a journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extract {
    pub(crate) epoch: String,
    /// The lowest number that is kept in the journal when all was read.
    pub(crate) first: u64,
    /// The last number of the journal before anything was read.
    pub(crate) last: u64,
    /// Some were left out, since they are too many.
    pub(crate) cut: bool,
    pub(crate) items: VecDeque<Item>,
}

/// A message that was read.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) sequence: u64,
    pub(crate) message: Bytes,
    pub(crate) age: Duration,
}

impl Extract {
    /// Adds the next message, and drops the oldest ones beyond `at_once` bytes. `bytes` is what is there.
    pub(crate) fn push(&mut self, item: Item, bytes: &mut usize, at_once: usize) {
        *bytes += item.message.len();
        self.items.push_back(item);
        while *bytes > at_once && self.items.len() > 1 {
            let dropped = self.items.pop_front();
            *bytes -= dropped.map_or(0, |item| item.message.len());
            self.cut = true;
        }
    }
}

//! `Waiting`: the bytes that wait for one peer, also as a part of what waits for all peers.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use ferrowire::{MutexExt as _, NodeContext};
use ferrowire_net::{Backlog, backlog};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::settings::MAX_QUEUE;

/// The queue of one peer. Writes wait for room in it; it is disconnected when it is among the longest and
/// too much waits for all peers.
#[derive(Debug)]
pub(crate) struct Waiting {
    room: Arc<Semaphore>,
    limit: usize,
    destroyed: CancellationToken,
    counted: Mutex<Counted>,
}

#[derive(Debug)]
struct Counted {
    bytes: usize,
    member: backlog::Member,
}

/// A place in the queue, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Arc<Waiting>,
    bytes: usize,
    _room: OwnedSemaphorePermit,
}

impl Waiting {
    /// The queue of a connection, which `destroyed` ends.
    pub(crate) fn new(cx: &NodeContext, destroyed: CancellationToken) -> Arc<Self> {
        Backlog::take_limit(cx);
        let limit = cx.setting(&MAX_QUEUE).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Arc::new_cyclic(|queue: &Weak<Waiting>| Waiting {
            room: Arc::new(Semaphore::new(limit)),
            limit,
            destroyed,
            counted: Mutex::new(Counted {
                bytes: 0,
                member: Backlog::of_process().join(queue.clone()),
            }),
        })
    }

    /// Room for so many bytes if nothing waits.
    pub(crate) fn alone(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room).try_acquire_many_owned(self.share(bytes)).ok()?;
        (self.room.available_permits() + room.num_permits() == self.limit).then_some(room)
    }

    /// The place of bytes that have room.
    pub(crate) fn place_in(self: &Arc<Self>, room: OwnedSemaphorePermit, bytes: usize) -> Place {
        self.count(|counted| counted.bytes += bytes);
        Place { queue: Arc::clone(self), bytes, _room: room }
    }

    fn share(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.limit)).unwrap_or(u32::MAX)
    }

    /// Waits for room; more than all the room is as much as all of it.
    pub(crate) async fn place(self: &Arc<Self>, bytes: usize) -> Option<Place> {
        let room = Arc::clone(&self.room).acquire_many_owned(self.share(bytes)).await.ok()?;
        let place = self.place_in(room, bytes);
        Backlog::of_process().relieve();
        Some(place)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.room.available_permits() == self.limit
    }

    /// What waits for a connection that has ended no longer counts: it is dropped soon.
    fn count(&self, change: impl FnOnce(&mut Counted)) {
        let mut counted = self.counted();
        change(&mut counted);
        let held = if self.destroyed.is_cancelled() { 0 } else { counted.bytes };
        counted.member.hold(held);
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.locked()
    }
}

impl backlog::Queue for Waiting {
    fn waiting(&self) -> usize {
        self.counted().member.held()
    }

    fn disconnect(&self) {
        self.destroyed.cancel();
        self.count(|_| ());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.count(|counted| counted.bytes -= self.bytes);
    }
}

//! `Broadcast`: frames for many peers, and the segments in which slow peers share them.
//!
//! A peer that takes a broadcast at once needs only a reference to it. For peers that lag behind,
//! the broadcasts of a sender are listed in segments: an outbox refers to a whole run of them, so
//! that a broadcast to 10,000 slow peers makes each of their queues longer without an allocation.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use ferrowire_core::MutexExt as _;

use bytes::Bytes;

/// The maximum number of broadcasts in a segment.
const LENGTH: usize = 256;

/// A segment with this many bytes takes no more, since a reference to one broadcast retains all.
const FULL: usize = 64 * 1024;

/// Larger broadcasts are not listed: a reference of their own costs little in comparison.
pub(crate) const LISTED_UP_TO: usize = 16 * 1024;

/// Broadcasts in their order, for peers that lag behind.
pub(crate) struct Segment {
    broadcasts: Box<[OnceLock<Bytes>]>,
}

impl Segment {
    fn new() -> Self {
        Segment { broadcasts: (0..LENGTH).map(|_| OnceLock::new()).collect() }
    }

    /// The broadcast at `index`, if it was listed.
    pub(crate) fn get(&self, index: usize) -> Option<&Bytes> {
        self.broadcasts.get(index)?.get()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").finish_non_exhaustive()
    }
}

/// Where a broadcast is listed.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) segment: Arc<Segment>,
    pub(crate) index: usize,
}

/// Lists the broadcasts of one sender. Clones share the list.
#[derive(Clone, Default)]
pub(crate) struct Feed(Arc<Mutex<Latest>>);

/// The segment that is being filled. Only outboxes keep it.
#[derive(Default)]
struct Latest {
    segment: Weak<Segment>,
    listed: usize,
    bytes: usize,
}

impl Feed {
    fn list(&self, broadcast: &Bytes) -> Option<Place> {
        if broadcast.len() > LISTED_UP_TO {
            return None;
        }
        let mut latest = self.0.locked();
        let is_full = latest.listed == LENGTH || latest.bytes >= FULL;
        let segment = match latest.segment.upgrade() {
            Some(segment) if !is_full => segment,
            _ => {
                let segment = Arc::new(Segment::new());
                *latest = Latest { segment: Arc::downgrade(&segment), listed: 0, bytes: 0 };
                segment
            }
        };
        let index = latest.listed;
        segment.broadcasts.get(index)?.set(broadcast.clone()).ok()?;
        latest.listed += 1;
        latest.bytes += broadcast.len();
        Some(Place { segment, index })
    }
}

/// Whole frames, one behind the other, for many peers.
#[derive(Clone)]
pub(crate) struct Broadcast {
    pub(crate) bytes: Bytes,
    /// The number of frames.
    pub(crate) count: u64,
    feed: Feed,
    place: OnceLock<Option<Place>>,
}

impl Broadcast {
    /// `count` frames of the sender that lists its broadcasts in `feed`.
    pub(crate) fn new(bytes: Bytes, count: u64, feed: &Feed) -> Self {
        Broadcast { bytes, count, feed: feed.clone(), place: OnceLock::new() }
    }

    /// Where it is listed; lists it when this is first asked for. `None` if it is too large.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.get_or_init(|| self.feed.list(&self.bytes)).as_ref()
    }
}

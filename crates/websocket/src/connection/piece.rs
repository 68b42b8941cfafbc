//! `Piece`: a part of an outbox.

use bytes::{Buf, Bytes};

use crate::connection::feed::Place;

/// A part of the output for one peer.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes for this peer.
    Own(Bytes),
    /// A large broadcast.
    Shared(Bytes),
    /// Consecutive broadcasts of one sender.
    Run(Run),
}

impl Piece {
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Piece::Own(_))
    }

    /// The bytes of a piece that is not a run.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Piece::Own(bytes) | Piece::Shared(bytes) => Some(bytes),
            Piece::Run(_) => None,
        }
    }

    pub(crate) fn as_run(&self) -> Option<&Run> {
        match self {
            Piece::Run(run) => Some(run),
            Piece::Own(_) | Piece::Shared(_) => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Piece::Own(bytes) | Piece::Shared(bytes) => bytes.is_empty(),
            Piece::Run(run) => run.is_empty(),
        }
    }

    /// Removes up to `count` bytes from the start; returns how many there were.
    pub(crate) fn advance(&mut self, count: usize) -> usize {
        match self {
            Piece::Own(bytes) | Piece::Shared(bytes) => {
                let taken = count.min(bytes.len());
                bytes.advance(taken);
                taken
            }
            Piece::Run(run) => run.advance(count),
        }
    }
}

/// Consecutive broadcasts in one segment.
#[derive(Debug)]
pub(crate) struct Run {
    /// The first broadcast that is not written completely.
    first: Place,
    /// How many bytes of it are written.
    written: usize,
    /// The index behind the last broadcast.
    end: usize,
}

impl Run {
    /// One broadcast.
    pub(crate) fn new(place: Place) -> Self {
        Run { end: place.index + 1, first: place, written: 0 }
    }

    /// Adds the broadcast at `place` if it directly follows.
    pub(crate) fn extend(&mut self, place: &Place) -> bool {
        let follows =
            place.index == self.end && std::sync::Arc::ptr_eq(&place.segment, &self.first.segment);
        self.end += usize::from(follows);
        follows
    }

    fn is_empty(&self) -> bool {
        self.first.index == self.end
    }

    /// What is left to write of each broadcast.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let all = (self.first.index..self.end).filter_map(|at| self.first.segment.get(at));
        let mut written = self.written;
        all.filter_map(move |broadcast| broadcast.get(std::mem::take(&mut written)..))
    }

    fn advance(&mut self, count: usize) -> usize {
        let mut left = count;
        while !self.is_empty() {
            let length = self.first.segment.get(self.first.index).map_or(0, Bytes::len);
            let rest = length - self.written;
            if left < rest {
                self.written += left;
                return count;
            }
            left -= rest;
            self.written = 0;
            self.first.index += 1;
        }
        count - left
    }
}

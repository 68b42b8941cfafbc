//! Decompresses the peer's messages.

use std::cell::RefCell;

use bytes::{Buf, Bytes};
use flate2::{Decompress, DecompressError, FlushDecompress, Status};

use crate::deflate::{MAX_BITS, MIN_COMPRESSOR_BITS, TAIL, Window};
use crate::metrics;

/// The size of a part.
const PART: usize = 64 * 1024;

thread_local! {
    /// A fresh decompressor that belongs to no message.
    static SHARED: RefCell<Option<Decompress>> = const { RefCell::new(None) };
    static PARTS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The payload is not what a compressor makes.
#[derive(Debug)]
pub(crate) struct Garbage;

impl From<DecompressError> for Garbage {
    fn from(_: DecompressError) -> Self {
        Garbage
    }
}

/// How far the current frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More parts follow.
    Part,
    /// This was the last part of the frame; the message goes on.
    Frame,
    /// This was the last part of the message.
    Message,
}

/// Decompresses messages frame by frame, and each frame in parts of at most 64 KiB.
#[derive(Debug)]
pub(crate) struct Decompressor {
    window: Window,
    /// With context takeover from the first message on, otherwise only during a message.
    context: Option<Decompress>,
    /// The rest of the current frame.
    rest: Bytes,
    /// How much of [`TAIL`] follows the rest.
    tail: usize,
    /// The current frame is the last one of its message.
    is_last: bool,
    is_busy: bool,
    /// The compressed data ended by itself (RFC 7692 §7.2.3.4); what follows begins anew.
    has_ended: bool,
}

impl Decompressor {
    pub(crate) fn new(window: Window) -> Self {
        Decompressor {
            window,
            context: None,
            rest: Bytes::new(),
            tail: 0,
            is_last: false,
            is_busy: false,
            has_ended: false,
        }
    }

    /// Begins with the next frame of a message.
    pub(crate) fn begin(&mut self, payload: Bytes, is_last: bool) {
        metrics::RECEIVED_COMPRESSED.add(payload.len() as u64);
        self.rest = payload;
        self.tail = if is_last { TAIL.len() } else { 0 };
        self.is_last = is_last;
        self.is_busy = true;
    }

    /// Whether parts of a frame are left.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Passes on the next part of the frame.
    pub(crate) fn part<T>(
        &mut self,
        take: impl FnOnce(&[u8], Progress) -> T,
    ) -> Result<T, Garbage> {
        PARTS.with_borrow_mut(|buffer| {
            buffer.resize(PART, 0);
            let (length, progress) = self.fill(buffer)?;
            metrics::DECOMPRESSED.add(length as u64);
            Ok(take(buffer.get(..length).unwrap_or_default(), progress))
        })
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(usize, Progress), Garbage> {
        let mut context = self.context.take().unwrap_or_else(|| self.window.decompressor());
        let length = self.inflate(&mut context, buffer)?;
        self.is_busy = length == buffer.len();
        let progress = match (self.is_busy, self.is_last) {
            (true, _) => Progress::Part,
            (false, false) => Progress::Frame,
            (false, true) => Progress::Message,
        };
        if progress == Progress::Message && !self.window.takeover {
            context.reset(false);
            SHARED.set(Some(context));
        } else {
            self.context = Some(context);
        }
        Ok((length, progress))
    }

    /// Decompresses until `buffer` is full or nothing is left.
    fn inflate(&mut self, context: &mut Decompress, buffer: &mut [u8]) -> Result<usize, Garbage> {
        let mut length = 0;
        while let Some(room) = buffer.get_mut(length..).filter(|room| !room.is_empty()) {
            if self.rest.is_empty() && self.has_ended {
                self.tail = 0;
            }
            let is_tail = self.rest.is_empty();
            let input = if is_tail { &TAIL[TAIL.len() - self.tail..] } else { self.rest.as_ref() };
            let (read, written) = (context.total_in(), context.total_out());
            let status = context.decompress(input, room, FlushDecompress::Sync)?;
            let read = (context.total_in() - read) as usize;
            let written = (context.total_out() - written) as usize;
            length += written;
            if read == 0 && written == 0 {
                // Without input nothing is left, otherwise it makes no progress.
                return if input.is_empty() { Ok(length) } else { Err(Garbage) };
            }
            if is_tail {
                self.tail -= read;
            } else {
                self.rest.advance(read);
                self.has_ended = false;
            }
            if status == Status::StreamEnd {
                context.reset(false);
                self.has_ended = true;
            }
        }
        Ok(length)
    }
}

impl Window {
    fn decompressor(self) -> Decompress {
        if self.takeover {
            return Decompress::new_with_window_bits(false, self.bits.max(MIN_COMPRESSOR_BITS));
        }
        let shared = SHARED.take();
        shared.unwrap_or_else(|| Decompress::new_with_window_bits(false, MAX_BITS))
    }
}

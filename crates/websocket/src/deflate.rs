//! Compression of messages: the extension permessage-deflate (RFC 7692).
//!
//! Each side compresses its messages with a window of its own. With context takeover the window
//! lasts from message to message, so both sides keep a context for each connection. Without it a
//! message stands by itself: all connections of a thread share a compressor and a decompressor, and
//! a broadcast is compressed once.

pub(crate) mod compressor;
pub(crate) mod decompressor;
pub(crate) mod memory;
pub(crate) mod negotiation;
pub(crate) mod options;
pub(crate) mod parameters;
#[cfg(test)]
mod tests;

use crate::deflate::compressor::Rules;
use crate::deflate::memory::Reserved;

/// The sizes of a window: powers of two from 2^8 to 2^15 bytes.
pub(crate) const MIN_BITS: u8 = 8;
pub(crate) const MAX_BITS: u8 = 15;

/// zlib compresses with windows from 2^9 bytes, and such a compressor refers at most 250 bytes
/// back, so its output is valid for a window of 2^8 bytes as well.
pub(crate) const MIN_COMPRESSOR_BITS: u8 = 9;

/// What every compressed message ends with, which is not sent (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Work on more bytes than this is done aside, so that no other connection waits for it.
const ASIDE: usize = 128 * 1024;

/// How the messages of one side are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The base-2 logarithm of the window's size.
    pub(crate) bits: u8,
    /// The window lasts from message to message.
    pub(crate) takeover: bool,
}

/// The compression that both sides of a connection agreed on.
#[derive(Debug)]
pub(crate) struct Agreed {
    /// Of our messages.
    pub(crate) ours: Window,
    /// Of the peer's messages.
    pub(crate) theirs: Window,
    /// Which of our messages are compressed, and how well.
    pub(crate) rules: Rules,
    /// The memory of the contexts that the connection keeps.
    pub(crate) memory: Option<Reserved>,
}

//! Compresses our messages.

use std::cell::RefCell;

use ferrowire_core::bus::run_aside;
use flate2::{Compress, Compression, FlushCompress};

use crate::deflate::{ASIDE, MIN_COMPRESSOR_BITS, TAIL, Window};
use crate::metrics;

/// Which messages are compressed, and how well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Messages below this size in bytes are not compressed.
    pub(crate) threshold: usize,
    /// zlib's level, from 1 (fastest) to 9 (smallest).
    pub(crate) level: u8,
}

impl Rules {
    /// An empty message is never compressed: it would become longer.
    pub(crate) fn apply_to(self, message: &[u8]) -> bool {
        !message.is_empty() && message.len() >= self.threshold
    }
}

/// The output of a thread's compressions is written here; a longer one is released again.
const SCRATCH: usize = 256 * 1024;

/// The maximum number of compressors that a thread keeps for different parameters.
const KEPT: usize = 4;

/// A flush needs this much room at least, so that zlib does not write its marker twice.
const LEAST_ROOM: usize = 64;

thread_local! {
    static SHARED: RefCell<Vec<(Alone, Compress)>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends an empty buffer of the thread.
fn with_output<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut output = OUTPUT.take();
    output.clear();
    let result = work(&mut output);
    if output.capacity() <= SCRATCH {
        OUTPUT.set(output);
    }
    result
}

/// Compression without context takeover: what it needs to know is all that a connection keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alone {
    pub(crate) rules: Rules,
    bits: u8,
}

impl Alone {
    pub(crate) fn new(rules: Rules, window: Window) -> Self {
        Alone { rules, bits: window.bits.max(MIN_COMPRESSOR_BITS) }
    }

    /// The base-2 logarithm of the window's size.
    pub(crate) fn bits(self) -> u8 {
        self.bits
    }

    /// Passes on the compressed message, or `None` if it is to be sent as it is: below the
    /// threshold, or if it would not become shorter.
    pub(crate) fn compress<T>(self, message: &[u8], then: impl FnOnce(Option<&[u8]>) -> T) -> T {
        if !self.rules.apply_to(message) {
            return then(None);
        }
        let mut compressor = self.lend();
        let result = with_output(|output| {
            compressor.reset();
            let is_shorter =
                deflate(&mut compressor, message, output).is_ok() && output.len() < message.len();
            if is_shorter {
                count(message, output);
            }
            then(is_shorter.then_some(output))
        });
        self.give_back(compressor);
        result
    }

    fn lend(self) -> Compress {
        SHARED
            .with_borrow_mut(|shared| {
                let place = shared.iter().position(|(parameters, _)| *parameters == self);
                place.map(|place| shared.remove(place).1)
            })
            .unwrap_or_else(|| create(self.rules.level, self.bits))
    }

    /// The compressor that was used least recently is dropped when there are too many.
    fn give_back(self, compressor: Compress) {
        SHARED.with_borrow_mut(|shared| {
            if shared.len() >= KEPT {
                shared.remove(0);
            }
            shared.push((self, compressor));
        });
    }
}

/// How a connection compresses its messages.
#[derive(Debug)]
pub(crate) enum Compressor {
    Alone(Alone),
    Continued(Continued),
}

impl Compressor {
    pub(crate) fn new(rules: Rules, window: Window) -> Self {
        match window.takeover {
            true => Compressor::Continued(Continued::new(rules, window)),
            false => Compressor::Alone(Alone::new(rules, window)),
        }
    }

    /// Without context takeover.
    pub(crate) fn alone(&self) -> Option<Alone> {
        match self {
            Compressor::Alone(alone) => Some(*alone),
            Compressor::Continued(_) => None,
        }
    }

    /// Passes on the compressed message, or `None` if it is to be sent as it is.
    pub(crate) fn compress<T>(
        &mut self,
        message: &[u8],
        then: impl FnOnce(Option<&[u8]>) -> T,
    ) -> T {
        match self {
            Compressor::Alone(alone) => alone.compress(message, then),
            Compressor::Continued(continued) => continued.compress(message, then),
        }
    }
}

/// Compression with context takeover: a connection's own compressor, made at its first message.
#[derive(Debug)]
pub(crate) struct Continued {
    rules: Rules,
    bits: u8,
    compressor: Option<Compress>,
}

impl Continued {
    pub(crate) fn new(rules: Rules, window: Window) -> Self {
        Continued { rules, bits: window.bits.max(MIN_COMPRESSOR_BITS), compressor: None }
    }

    /// Passes on the compressed message, or `None` if it is below the threshold. It must be sent
    /// before the next one is compressed.
    pub(crate) fn compress<T>(
        &mut self,
        message: &[u8],
        then: impl FnOnce(Option<&[u8]>) -> T,
    ) -> T {
        if !self.rules.apply_to(message) {
            return then(None);
        }
        // A message that is sent as it is leaves the peer's context as it was: if a compressor fails,
        // it is gone, and the next message begins a new one.
        let compressor = self.compressor.take();
        let mut compressor = compressor.unwrap_or_else(|| create(self.rules.level, self.bits));
        with_output(|output| {
            if deflate(&mut compressor, message, output).is_err() {
                return then(None);
            }
            self.compressor = Some(compressor);
            count(message, output);
            then(Some(output))
        })
    }
}

fn create(level: u8, bits: u8) -> Compress {
    Compress::new_with_window_bits(Compression::new(level.into()), false, bits)
}

fn count(message: &[u8], output: &[u8]) {
    metrics::BEFORE_COMPRESSION.add(message.len() as u64);
    metrics::COMPRESSED.add(output.len() as u64);
}

/// zlib refused to compress, which only wrong parameters make it do.
struct Failed;

/// Compresses a message to the end of `output`, without the tail.
fn deflate(compressor: &mut Compress, message: &[u8], output: &mut Vec<u8>) -> Result<(), Failed> {
    if message.len() > ASIDE {
        return run_aside(|| deflate_now(compressor, message, output));
    }
    deflate_now(compressor, message, output)
}

fn deflate_now(
    compressor: &mut Compress,
    message: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), Failed> {
    let mut rest = message;
    loop {
        // Usually enough; the vector grows by doubling otherwise.
        output.reserve(LEAST_ROOM + rest.len() / 2);
        let before = compressor.total_in();
        compressor.compress_vec(rest, output, FlushCompress::Sync).map_err(|_| Failed)?;
        let taken = (compressor.total_in() - before) as usize;
        rest = rest.get(taken..).ok_or(Failed)?;
        if rest.is_empty() && output.len() < output.capacity() {
            break;
        }
    }
    if !output.ends_with(&TAIL) {
        return Err(Failed);
    }
    output.truncate(output.len() - TAIL.len());
    Ok(())
}

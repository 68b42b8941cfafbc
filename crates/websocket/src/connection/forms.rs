//! `Forms`: a broadcast as it is, and compressed for the connections that share parameters.

use std::sync::{Arc, OnceLock};

use bytes::{Buf, Bytes, BytesMut};
use ferrowire_net::Backlog;
use tokio::io::{AsyncRead, AsyncWrite};
use tungstenite::protocol::frame::coding::OpCode;

use crate::connection::Connection;
use crate::connection::cork::Frames;
use crate::connection::feed::{Broadcast, Feed};
use crate::deflate::compressor::Alone;
use crate::deflate::{MAX_BITS, MIN_COMPRESSOR_BITS};
use crate::frame::header::Header;
use crate::frame::{Role, put_compressed_header};

/// The number of window sizes.
const SIZES: usize = (MAX_BITS - MIN_COMPRESSOR_BITS + 1) as usize;

/// Lists the broadcasts of one sender, in each form by itself.
#[derive(Default)]
pub(crate) struct Feeds {
    plain: Feed,
    compressed: OnceLock<Box<[Feed; SIZES]>>,
}

/// A broadcast in all forms that its receivers need. Each is made when it is first asked for.
#[derive(Clone)]
pub(crate) struct Forms {
    plain: Broadcast,
    compressed: OnceLock<Arc<[OnceLock<Broadcast>; SIZES]>>,
    feeds: Arc<Feeds>,
}

impl Forms {
    /// The broadcast of `frames`, which are not compressed, by the sender that uses `feeds`.
    pub(crate) fn new(frames: Frames, feeds: &Arc<Feeds>) -> Self {
        let bytes = Backlog::of_process().share(frames.bytes);
        Forms {
            plain: Broadcast::new(bytes, frames.count, &feeds.plain),
            compressed: OnceLock::new(),
            feeds: Arc::clone(feeds),
        }
    }

    /// The frames as they are.
    pub(crate) fn plain(&self) -> &Bytes {
        &self.plain.bytes
    }

    /// The number of frames.
    pub(crate) fn count(&self) -> u64 {
        self.plain.count
    }

    /// The form for `connection`. A connection with context takeover gets the broadcast as it is,
    /// since no other one has its context.
    pub(crate) fn of<S>(&self, connection: &Connection<S>) -> &Broadcast
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let compressed = connection.shared_compression().and_then(|alone| self.compressed(alone));
        compressed.unwrap_or(&self.plain)
    }

    /// All connections of a listener have the same rules, so only the sizes of windows differ.
    fn compressed(&self, alone: Alone) -> Option<&Broadcast> {
        let at = usize::from(alone.bits() - MIN_COMPRESSOR_BITS);
        let (place, feed) = (
            self.compressed.get_or_init(Arc::default).get(at)?,
            self.feeds.compressed.get_or_init(Box::default).get(at)?,
        );
        Some(place.get_or_init(|| {
            let bytes = compress(&self.plain.bytes, alone);
            Broadcast::new(Backlog::of_process().share(bytes), self.plain.count, feed)
        }))
    }
}

/// Compresses whole frames of a server, one behind the other.
fn compress(frames: &Bytes, alone: Alone) -> BytesMut {
    let (mut rest, mut compressed) = (frames.as_ref(), BytesMut::new());
    while let Ok(Some((header, start))) = Header::read(rest, Role::Client) {
        let end = start + header.length as usize;
        let Some(payload) = rest.get(start..end) else { break };
        alone.compress(payload, |body| match body {
            Some(body) => put(&mut compressed, header.opcode, body),
            None => compressed.extend_from_slice(&rest[..end]),
        });
        rest.advance(end);
    }
    compressed
}

fn put(out: &mut BytesMut, opcode: OpCode, body: &[u8]) {
    put_compressed_header(out, Role::Server, opcode, body.len());
    out.extend_from_slice(body);
}

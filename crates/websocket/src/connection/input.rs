//! Reading a connection, and its end when there is nothing left to read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use crate::connection::{Connection, Io, READS_IN_A_ROW, State, scratch};
use crate::frame::Close;
use crate::frame::reader::Reader;

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<S> {
    /// Starts the closing handshake once no input is left to be delivered, or after some more reads.
    /// What the peer sends until it answers the close frame is delivered as well.
    pub(crate) fn retire(&self, close: Close) {
        let mut io = self.lock();
        if io.state == State::Open && io.retiring.is_none() {
            io.retiring = Some(Box::new(Retiring { close, reads: READS_IN_A_ROW }));
            io.waker.wake_by_ref();
        }
    }

    /// Reads once.
    pub(super) fn poll_input(
        &self,
        cx: &mut Context<'_>,
        reader: &Reader,
        input: &mut BytesMut,
    ) -> Poll<Input> {
        let mut io = self.lock();
        match io.state {
            State::Open => {}
            State::Closing => return Poll::Ready(Input::Closing),
            State::Dead => return Poll::Ready(Input::End(io.lost)),
        }
        if let Some(retiring) = io.retiring.as_mut() {
            match retiring.reads.checked_sub(1) {
                Some(left) => retiring.reads = left,
                None => return Poll::Ready(io.retired()),
            }
        }
        let stream = Pin::new(&mut io.stream);
        let read = if input.is_empty() {
            *input = BytesMut::new();
            scratch::with(|scratch| {
                let read = poll_read_buf(stream, cx, scratch);
                if !scratch.is_empty() {
                    *input = scratch.split();
                }
                read
            })
        } else {
            input.reserve(reader.wanted(input).max(scratch::LEAST));
            poll_read_buf(stream, cx, input)
        };
        if read.is_pending() && io.retiring.is_some() {
            return Poll::Ready(io.retired());
        }
        read.map_ok(|count| self.role.received(count)).map(Input::from)
    }
}

/// A connection that ends when it has no more input.
pub(super) struct Retiring {
    close: Close,
    /// How often it is read from at most: a peer may never pause.
    reads: u32,
}

impl<S> Io<S> {
    /// The end of a connection that is retiring.
    fn retired(&mut self) -> Input {
        self.retiring.take().map_or(Input::Closing, |retiring| Input::Retiring(retiring.close))
    }
}

/// The result of a read.
pub(super) enum Input {
    More,
    /// This side is to send this close frame.
    Retiring(Close),
    Closing,
    End(&'static str),
}

impl From<io::Result<usize>> for Input {
    fn from(read: io::Result<usize>) -> Self {
        match read {
            Ok(0) => Input::End("it ended without a close frame"),
            Ok(_) => Input::More,
            Err(_) => Input::End("reading failed"),
        }
    }
}

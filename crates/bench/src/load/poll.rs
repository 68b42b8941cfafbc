//! epoll over many sockets, edge-triggered.

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Waits for sockets to become ready.
pub(super) struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    /// Registers sockets and makes them non-blocking; they are identified by their position.
    pub(super) fn new<'a>(streams: impl Iterator<Item = &'a TcpStream>) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("could not create an epoll")?;
        for (position, stream) in streams.enumerate() {
            stream.set_nonblocking(true)?;
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
            epoll::add(&epoll, stream, EventData::new_u64(position as u64), flags)?;
        }
        Ok(Self { epoll, events: Vec::with_capacity(512) })
    }

    /// Waits up to `patience` and returns the positions of the sockets that are ready.
    pub(super) fn wait(&mut self, patience: Duration) -> Result<impl Iterator<Item = usize>> {
        let timeout = patience.try_into().context("the timeout is too long")?;
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("could not wait for the sockets"),
        }
        Ok(self.events.iter().map(|event| event.data.u64() as usize))
    }
}

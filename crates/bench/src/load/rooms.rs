//! Rooms: what one connection publishes must reach the members of its room, byte for byte, and each
//! room gets a message in turn. The connections of one room alone are all of a listener: a plain
//! fan-out of the same size.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use super::client;
use super::frame::Ring;
use super::{Meter, Target, Window};
use crate::flow::Flow;
use crate::sample::Sample;

/// The connections, and the size of a message.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) rooms: usize,
    pub(super) members: usize,
    pub(super) size: usize,
}

/// A room, with the messages to it.
struct Room {
    /// The first one publishes.
    members: Vec<TcpStream>,
    ring: Ring,
    published: u64,
}

/// Runs the measurement: a message is published when the one before has reached its room.
pub(super) fn run(load: &Load, target: Target, window: Window) -> Result<Sample> {
    let &Load { rooms, members, size } = load;
    ensure!(rooms > 0 && members > 0, "expected at least one room and one member");
    let mut rooms: Vec<Room> = (0..rooms)
        .map(|number| Room::open(target, (number, rooms), members, size))
        .collect::<Result<_>>()?;
    let mut buffer = vec![0; 4 * size + 64];
    let mut meter = Meter::new(target, window)?;
    let mut now = Instant::now();
    'measured: loop {
        for room in &mut rooms {
            if !meter.go_on(now)? {
                break 'measured;
            }
            let sent = now;
            room.exchange(&mut buffer)?;
            now = Instant::now();
            meter.record(now - sent, members as u64);
        }
    }
    meter.finish()
}

impl Room {
    fn open(
        target: Target,
        (number, of): (usize, usize),
        count: usize,
        size: usize,
    ) -> Result<Self> {
        let path = match of {
            1 => Flow::Rooms.path(),
            _ => format!("{}/{number}", Flow::Rooms.path()),
        };
        // A client has joined by the time all others are connected.
        let members = client::connect_all(target.addr, &path, count)?;
        Ok(Room { members, ring: Ring::new(Flow::Rooms, number, 4, size)?, published: 0 })
    }

    fn exchange(&mut self, buffer: &mut [u8]) -> Result<()> {
        let ring = &self.ring;
        let frame = |at: u64, length: u64| (at * length, (at + 1) * length);
        let (from, until) = frame(self.published, ring.sent_frame());
        let Some(publisher) = self.members.first_mut() else { bail!("a room without members") };
        publisher.write_all(ring.to_send(from, until)).context("a message was not taken")?;
        let (from, until) = frame(self.published, ring.answered_frame());
        for member in self.members.iter_mut().rev() {
            let mut at = from;
            while at < until {
                let read = member.read(buffer)?;
                ensure!(read > 0, "the server closed a connection");
                ring.compare(at, buffer.get(..read).unwrap_or_default())?;
                at += read as u64;
            }
            ensure!(at == until, "the server sent more than was published");
        }
        self.published += 1;
        Ok(())
    }
}

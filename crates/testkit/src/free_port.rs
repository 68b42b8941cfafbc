//! `free_port`: a port for a server whose address a test must know before the server starts.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{TcpListener, UdpSocket};

/// Below the ports that systems give to outgoing connections, of which tests that run at the same time
/// have many.
const FIRST: u16 = 10_000;
const COUNT: u64 = 20_000;

/// A port of this machine that nothing used a moment ago, for TCP and UDP.
///
/// # Panics
/// If 1,000 ports in a row are used.
#[expect(clippy::panic, reason = "fails the test")]
pub fn free_port() -> u16 {
    for attempt in 0..1000_u32 {
        let random = RandomState::new().hash_one(attempt) % COUNT;
        let port = FIRST + u16::try_from(random).unwrap_or_default();
        let address = ("127.0.0.1", port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
    panic!("no free port was found")
}

//! `Shared`: a socket at a port, which all nodes with that port use.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, Weak};

use bytes::Bytes;
use ferrowire::MutexExt as _;
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::broadcast;

use crate::family::Family;

/// The messages that wait for a node; of a slow node the oldest are dropped.
const WAITING: usize = 256;

/// The largest message, in bytes.
const LARGEST: usize = 65_536;

/// The sockets of this process at ports that nodes name.
static OPEN: LazyLock<Mutex<Open>> = LazyLock::new(Mutex::default);

type Open = HashMap<(u16, Family), Weak<Shared>>;

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) bytes: Bytes,
    pub(crate) from: SocketAddr,
}

/// A socket. Closed when the last node lets it go.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) socket: UdpSocket,
    arrived: broadcast::Sender<Datagram>,
    /// Held by the node that reads for all.
    reading: tokio::sync::Mutex<()>,
}

impl Shared {
    /// The socket at a port, opened if no node has it yet; 0 for a new one at any port.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(crate) fn at(port: u16, family: Family) -> io::Result<Arc<Self>> {
        if port == 0 {
            return Self::open(port, family).map(Arc::new);
        }
        let mut open = OPEN.locked();
        if let Some(shared) = open.get(&(port, family)).and_then(Weak::upgrade) {
            return Ok(shared);
        }
        let shared = Arc::new(Self::open(port, family)?);
        open.retain(|_, other| other.strong_count() > 0);
        open.insert((port, family), Arc::downgrade(&shared));
        Ok(shared)
    }

    /// The socket at a port that a node has opened.
    pub(crate) fn opened(port: u16, family: Family) -> Option<Arc<Self>> {
        OPEN.locked().get(&(port, family)).and_then(Weak::upgrade)
    }

    fn open(port: u16, family: Family) -> io::Result<Self> {
        let domain = if family == Family::V4 { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::DGRAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&family.anywhere(port).into())?;
        Ok(Shared {
            socket: UdpSocket::from_std(socket.into())?,
            arrived: broadcast::Sender::new(WAITING),
            reading: tokio::sync::Mutex::default(),
        })
    }

    /// What arrives from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Datagram> {
        self.arrived.subscribe()
    }

    /// Reads for all nodes, once no other one does. Can be dropped at any time.
    ///
    /// # Errors
    /// If the socket fails.
    pub(crate) async fn read(&self) -> io::Result<()> {
        let _reading = self.reading.lock().await;
        let mut buffer = vec![0; LARGEST];
        loop {
            let (size, from) = self.socket.recv_from(&mut buffer).await?;
            let bytes = Bytes::copy_from_slice(buffer.get(..size).unwrap_or_default());
            // A socket that only sends has no listeners.
            let _heard = self.arrived.send(Datagram { bytes, from });
        }
    }
}

/// The ports in use.
pub(crate) fn ports() -> Vec<u16> {
    let open = OPEN.locked();
    let used = open.iter().filter(|(_, shared)| shared.strong_count() > 0);
    let mut ports: Vec<u16> = used.map(|((port, _), _)| *port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

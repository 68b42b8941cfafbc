//! `Peer`: one connection, and what waits to be written to it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use ferrowire::{NodeContext, NodeError, generate_id};
use ferrowire_net::Stream;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::queue::{Place, Waiting};
use crate::settings::IDLE_TIMEOUT;
use crate::socket::{Socket, Writer};

/// The size of a read, in bytes, as in Node.js.
const CHUNK: usize = 64 * 1024;

/// The writes that wait for a peer.
const WRITES: usize = 1024;

/// How long a write waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection, for those who write to it.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The `id` of its `_session`.
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    writes: mpsc::Sender<Write>,
    waiting: Arc<Waiting>,
    socket: Arc<Socket>,
    activity: Arc<Activity>,
    destroyed: CancellationToken,
    /// After the last write, the connection is closed.
    ending: CancellationToken,
}

#[derive(Debug)]
struct Write {
    bytes: Bytes,
    _place: Place,
}

/// The other end of a peer's queue, and its limits.
#[derive(Debug)]
pub(crate) struct Mailbox {
    writes: mpsc::Receiver<Write>,
    socket: Arc<Socket>,
    activity: Arc<Activity>,
    destroyed: CancellationToken,
    ending: CancellationToken,
    idle: Option<Duration>,
}

/// Who gets the data of a connection.
pub(crate) trait Take: Send {
    /// Takes the next data; reading waits for it, writing does not.
    ///
    /// # Errors
    /// If the connection is to end.
    fn take(&mut self, bytes: Bytes) -> impl Future<Output = io::Result<()>> + Send;
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// By one side, or both.
    Closed,
    /// Nothing was sent or received for too long.
    Idle,
    Failed(io::Error),
}

impl Peer {
    /// The connection to `address` of a node with these settings.
    pub(crate) fn new(address: SocketAddr, cx: &NodeContext) -> (Arc<Self>, Mailbox) {
        let (writes, mailbox) = mpsc::channel(WRITES);
        let (destroyed, ending) = (CancellationToken::new(), CancellationToken::new());
        let mailbox = Mailbox {
            writes: mailbox,
            socket: Arc::default(),
            activity: Arc::new(Activity::new()),
            destroyed: destroyed.clone(),
            ending: ending.clone(),
            idle: cx.setting(&IDLE_TIMEOUT),
        };
        let waiting = Waiting::new(cx, destroyed.clone());
        let id = generate_id().to_string();
        let (socket, activity) = (Arc::clone(&mailbox.socket), Arc::clone(&mailbox.activity));
        let peer = Peer { id, address, writes, waiting, socket, activity, destroyed, ending };
        (Arc::new(peer), mailbox)
    }

    /// Writes bytes, as soon as there is room for them. A connection that has ended drops them, as in
    /// Node-RED.
    ///
    /// # Errors
    /// If there is no room within 5 seconds.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), NodeError> {
        let Err(bytes) = self.write_now(bytes) else { return Ok(()) };
        let writing = async {
            let place = self.waiting.place(bytes.len()).await?;
            // After what a sender is writing directly.
            drop(self.socket.hold());
            self.writes.send(Write { bytes, _place: place }).await.ok()
        };
        let gone = async {
            self.writes.closed().await;
            None
        };
        let written = async {
            tokio::select! {
                written = writing => written,
                nothing = gone => nothing,
            }
        };
        match tokio::time::timeout(PATIENCE, written).await {
            Ok(_) => Ok(()),
            Err(_) => Err(NodeError::new(format!(
                "{} does not read what it gets (`tcp-max-queue`); the message was not sent",
                self.address
            ))),
        }
    }

    /// Writes bytes if nothing waits; what the socket does not take then waits. Otherwise returns them.
    pub(crate) fn write_now(&self, mut bytes: Bytes) -> Result<(), Bytes> {
        if bytes.is_empty() {
            return Ok(());
        }
        let socket = self.socket.hold();
        if !socket.is_open() {
            return Err(bytes);
        }
        let Some(room) = self.waiting.alone(bytes.len()) else { return Err(bytes) };
        // Whoever reads from a broken connection ends it.
        let Ok(written) = socket.write(&bytes) else { return Ok(()) };
        if written > 0 {
            self.activity.note();
        }
        if written == bytes.len() {
            return Ok(());
        }
        bytes.advance(written);
        let _place = self.waiting.place_in(room, bytes.len());
        // There is room, since nothing else has a place. A connection that has ended drops it.
        drop(self.writes.try_send(Write { bytes, _place }));
        Ok(())
    }

    /// Closes the connection after the last write.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_written(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Closes the connection at once.
    pub(crate) fn destroy(&self) {
        self.destroyed.cancel();
    }
}

/// The time of the last activity, in milliseconds since the begin.
#[derive(Debug)]
struct Activity {
    begin: Instant,
    last: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Activity { begin: Instant::now(), last: AtomicU64::new(0) }
    }

    fn note(&self) {
        let now = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Ends when there was none for so long; never without a limit.
    async fn over(&self, limit: Option<Duration>) {
        let Some(limit) = limit else { return std::future::pending().await };
        loop {
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            let until = self.begin + last + limit;
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// Serves a connection until its end.
pub(crate) async fn serve(stream: Stream, mut mailbox: Mailbox, take: &mut impl Take) -> End {
    let end = match stream {
        Stream::Plain(tcp) => {
            let (reader, writer) = tcp.into_split();
            let writer = mailbox.socket.open(writer);
            serve_halves((reader, writer), &mut mailbox, take).await
        }
        stream => {
            let (reader, writer) = tokio::io::split(stream);
            serve_halves((reader, Writer::Tls(writer)), &mut mailbox, take).await
        }
    };
    mailbox.socket.close();
    end
}

async fn serve_halves(
    (reader, writer): (impl AsyncRead + Unpin, Writer),
    mailbox: &mut Mailbox,
    take: &mut impl Take,
) -> End {
    let (activity, destroyed) = (Arc::clone(&mailbox.activity), mailbox.destroyed.clone());
    let idle = mailbox.idle;
    let reading = read(reader, &activity, mailbox.ending.clone(), take);
    let both = async { tokio::try_join!(reading, write(writer, &activity, mailbox)) };
    tokio::select! {
        () = destroyed.cancelled() => End::Closed,
        () = activity.over(idle) => End::Idle,
        ended = both => match ended {
            Ok(_) => End::Closed,
            Err(error) => End::Failed(error),
        },
    }
}

/// Reads to the end of the data. Then what waits is written, and the connection is over.
async fn read(
    mut reader: impl AsyncRead + Unpin,
    activity: &Activity,
    ending: CancellationToken,
    take: &mut impl Take,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK);
        if reader.read_buf(&mut buffer).await? == 0 {
            ending.cancel();
            return Ok(());
        }
        activity.note();
        take.take(Bytes::copy_from_slice(&buffer)).await?;
        buffer.clear();
    }
}

/// Writes what arrives in the mailbox, and closes this direction after the last.
async fn write(mut writer: Writer, activity: &Activity, mailbox: &mut Mailbox) -> io::Result<()> {
    loop {
        let next = tokio::select! {
            biased;
            next = mailbox.writes.recv() => next,
            () = mailbox.ending.cancelled() => None,
        };
        let Some(write) = next else { break };
        writer.write_all(&write.bytes).await?;
        activity.note();
    }
    mailbox.writes.close();
    mailbox.socket.close();
    writer.shutdown().await
}

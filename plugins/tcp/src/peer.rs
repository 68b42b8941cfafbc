//! `Peer`: one connection, and what waits to be written to it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrowire::{NodeContext, NodeError, generate_id};
use ferrowire_net::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::queue::{Place, Waiting};
use crate::settings::IDLE_TIMEOUT;

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
            destroyed: destroyed.clone(),
            ending: ending.clone(),
            idle: cx.setting(&IDLE_TIMEOUT),
        };
        let waiting = Waiting::new(cx, destroyed.clone());
        let id = generate_id().to_string();
        (Arc::new(Peer { id, address, writes, waiting, destroyed, ending }), mailbox)
    }

    /// Writes bytes, as soon as there is room for them. A connection that has ended drops them, as in
    /// Node-RED.
    ///
    /// # Errors
    /// If there is no room within 5 seconds.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), NodeError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let writing = async {
            let place = self.waiting.place(bytes.len()).await?;
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
    let (reader, writer) = tokio::io::split(stream);
    let (activity, destroyed) = (Activity::new(), mailbox.destroyed.clone());
    let idle = mailbox.idle;
    let reading = read(reader, &activity, mailbox.ending.clone(), take);
    let both = async { tokio::try_join!(reading, write(writer, &activity, &mut mailbox)) };
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
    mut reader: ReadHalf<Stream>,
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
async fn write(
    mut writer: WriteHalf<Stream>,
    activity: &Activity,
    mailbox: &mut Mailbox,
) -> io::Result<()> {
    loop {
        let next = tokio::select! {
            biased;
            next = mailbox.writes.recv() => next,
            () = mailbox.ending.cancelled() => None,
        };
        let Some(write) = next else { break };
        writer.write_all(&write.bytes).await?;
        writer.flush().await?;
        activity.note();
    }
    mailbox.writes.close();
    writer.shutdown().await
}

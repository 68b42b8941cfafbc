//! `Client`: a connection to a server, opened again after each end.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire::{MutexExt as _, NodeConfig, NodeContext};
use ferrowire_net::Stream;
use ferrowire_net::dial::NoConnection;

use crate::peer::{End, Mailbox, Peer};
use crate::security::Security;
use crate::settings::RECONNECT_TIME;
use crate::status;

/// After the end of a message, the next connection is opened so soon.
const SOON: Duration = Duration::from_millis(20);

/// After the first attempt, the next one follows so soon: a server of the same flow starts later than what
/// sends to it.
const SECOND_ATTEMPT: Duration = Duration::from_millis(250);

/// Where a client connects to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
}

impl Target {
    /// Reads `host`, `port` and `tls`.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Target {
            host: config.text_or("host", "localhost"),
            port: config.number_in("port", 0.0..=65_535.0).unwrap_or(0.0) as u16,
            security: Security::from_config(config),
        }
    }
}

/// A connection that is kept up.
#[derive(Debug)]
pub(crate) struct Client {
    target: Target,
    cx: NodeContext,
    current: Mutex<Option<Arc<Peer>>>,
    /// The end was wanted.
    ends: AtomicBool,
}

/// What a client does with its connections.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Serves a connection to its end.
    fn serve(
        &self,
        client: &Client,
        stream: Stream,
        peer: &Arc<Peer>,
        mailbox: Mailbox,
    ) -> impl Future<Output = End> + Send;

    /// The status of this peer gets a session.
    fn has_session(&self) -> bool;
}

impl Client {
    pub(crate) fn new(target: Target, cx: NodeContext) -> Self {
        Client { target, cx, current: Mutex::default(), ends: AtomicBool::new(false) }
    }

    /// The context of its node.
    pub(crate) fn cx(&self) -> &NodeContext {
        &self.cx
    }

    /// The open connection.
    pub(crate) fn current(&self) -> Option<Arc<Peer>> {
        self.current.locked().clone()
    }

    /// The next connection follows soon after the end of this one.
    pub(crate) fn expect_end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// Connects, and connects again after every end.
    pub(crate) async fn keep_up(&self, serves: &impl Serve) {
        let Target { host, port, security } = &self.target;
        let mut is_first = true;
        loop {
            self.cx.info_log(format_args!("connecting to {host}:{port}"));
            self.cx.status(status::connecting());
            let connected = security.connect(host, *port, &self.cx).await;
            let was_first = std::mem::replace(&mut is_first, false);
            match connected {
                Ok(stream) => self.connected(stream, serves).await,
                Err(_) if was_first => {
                    tokio::time::sleep(SECOND_ATTEMPT).await;
                    continue;
                }
                Err(error) => {
                    self.cx.info_log(chain(&error));
                    self.cx.status(status::disconnected());
                }
            }
            let delay = match self.ends.swap(false, Ordering::Relaxed) {
                true => SOON,
                false => {
                    self.cx.info_log(format_args!("connection lost to {host}:{port}"));
                    self.cx.setting(&RECONNECT_TIME)
                }
            };
            tokio::time::sleep(delay).await;
        }
    }

    async fn connected(&self, stream: Stream, serves: &impl Serve) {
        let Target { host, port, .. } = &self.target;
        let (peer, mailbox) = Peer::new(address(&stream), &self.cx);
        let shown = |status: ferrowire::Status| match serves.has_session() {
            true => status.with("_session", status::session(&peer)),
            false => status,
        };
        self.cx.info_log(format_args!("connected to {host}:{port}"));
        self.cx.status(shown(status::connected()));
        *self.current.locked() = Some(Arc::clone(&peer));
        let end = serves.serve(self, stream, &peer, mailbox).await;
        *self.current.locked() = None;
        log_end(&self.cx, &end, *port);
        self.cx.status(shown(status::disconnected()));
    }
}

/// The peer's address, of either kind of stream.
pub(crate) fn address(stream: &Stream) -> SocketAddr {
    let address = match stream {
        Stream::Plain(tcp) => tcp.peer_addr(),
        Stream::Tls(tls) => tls.get_ref().0.peer_addr(),
        _ => Err(std::io::ErrorKind::Unsupported.into()),
    };
    address.unwrap_or_else(|_| (Ipv4Addr::UNSPECIFIED, 0).into())
}

/// Logs why a connection ended, if it was not closed.
pub(crate) fn log_end(cx: &NodeContext, end: &End, port: u16) {
    match end {
        End::Closed => {}
        End::Idle => cx.info_log(format_args!("timeout closed socket port {port}")),
        End::Failed(error) => cx.info_log(format_args!("error: {error}")),
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &NoConnection) -> String {
    let mut line = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}

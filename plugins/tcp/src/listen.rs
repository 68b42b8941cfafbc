//! `Server`: a port that is listened at, and its connections.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire::{MutexExt as _, NodeContext, NodeError};
use ferrowire_net::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::client::log_end;
use crate::peer::{End, Mailbox, Peer};
use crate::security::{Security, keep_alive};
use crate::settings::MAX_CONNECTIONS;

/// The time limit of a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// How long the last data may take when the node stops.
const LAST_DATA: Duration = Duration::from_secs(2);

/// A server and its connections.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) cx: NodeContext,
    port: u16,
    peers: Mutex<BTreeMap<String, Arc<Peer>>>,
}

/// What a server does with its connections.
pub(crate) trait Accept: Send + Sync + 'static {
    /// Serves a connection to its end.
    fn serve(
        &self,
        server: &Server,
        stream: Stream,
        peer: &Arc<Peer>,
        mailbox: Mailbox,
    ) -> impl Future<Output = End> + Send;

    /// The number of connections has changed by this one.
    fn changed(&self, server: &Server, peer: &Peer, is_new: bool);
}

impl Server {
    /// Listens at a port of all addresses, and accepts connections until the node stops.
    ///
    /// # Errors
    /// If the port is in use, or TLS has no certificate.
    pub(crate) async fn start(
        cx: &NodeContext,
        port: u16,
        security: &Security,
        accepts: impl Accept,
    ) -> Result<Arc<Self>, NodeError> {
        let failed = |error: &dyn std::fmt::Display| {
            NodeError::new(format!("unable to listen on port {port}, error: {error}"))
        };
        let acceptor = security.acceptor(cx).await.map_err(|error| failed(&error))?;
        let listener = bind(port).await.map_err(|error| failed(&error))?;
        cx.info_log(format_args!("listening on port {port}"));
        let server = Arc::new(Server { cx: cx.clone(), port, peers: Mutex::default() });
        cx.spawn(Arc::clone(&server).accept(listener, acceptor, Arc::new(accepts)));
        Ok(server)
    }

    async fn accept(
        self: Arc<Self>,
        listener: TcpListener,
        acceptor: Option<TlsAcceptor>,
        accepts: Arc<impl Accept>,
    ) {
        let places = Arc::new(Semaphore::new(self.cx.setting(&MAX_CONNECTIONS)));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.cx.stopping().cancelled() => return,
            };
            let (tcp, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.cx.warn(format_args!("cannot accept a connection: {error}"));
                    // Such as too many open files: it needs time to pass.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                self.cx
                    .warn("a connection was refused: there are too many (`tcp-max-connections`)");
                continue;
            };
            let connection = Connection { tcp, address, acceptor: acceptor.clone() };
            let (this, accepts) = (Arc::clone(&self), Arc::clone(&accepts));
            self.cx.spawn(async move {
                this.connection(connection, &*accepts).await;
                drop(place);
            });
        }
    }

    async fn connection(&self, connection: Connection, accepts: &impl Accept) {
        keep_alive(&connection.tcp);
        let address = connection.address;
        let stream = match connection.secured().await {
            Ok(stream) => stream,
            Err(error) => return self.cx.info_log(format_args!("error: {error}")),
        };
        let (peer, mailbox) = Peer::new(address, &self.cx);
        self.peers.locked().insert(peer.id.clone(), Arc::clone(&peer));
        accepts.changed(self, &peer, true);
        let end = accepts.serve(self, stream, &peer, mailbox).await;
        log_end(&self.cx, &end, self.port);
        self.peers.locked().remove(&peer.id);
        accepts.changed(self, &peer, false);
    }

    /// The connections.
    pub(crate) fn peers(&self) -> Vec<Arc<Peer>> {
        self.peers.locked().values().cloned().collect()
    }

    /// How many connections there are.
    pub(crate) fn count(&self) -> usize {
        self.peers.locked().len()
    }

    /// Closes all connections, after what waits for them, but within two seconds.
    pub(crate) async fn stop(&self) {
        self.peers().iter().for_each(|peer| peer.end());
        let all = async {
            // A peer that reads its data need not close the connection.
            while self.peers().iter().any(|peer| !peer.is_written()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // What is not written by then is lost.
        let _is_complete = tokio::time::timeout(LAST_DATA, all).await;
        self.cx.info_log("stopped listening on port");
    }
}

/// A connection that was accepted.
struct Connection {
    tcp: TcpStream,
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
}

impl Connection {
    async fn secured(self) -> io::Result<Stream> {
        let Some(acceptor) = self.acceptor else { return Ok(Stream::Plain(self.tcp)) };
        let tls = tokio::time::timeout(HANDSHAKE, acceptor.accept(self.tcp)).await;
        let tls = tls.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        Ok(Stream::Tls(Box::new(tls.into())))
    }
}

/// All addresses, of IPv6 and IPv4; of IPv4 where there is no IPv6.
async fn bind(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        bound => bound,
    }
}

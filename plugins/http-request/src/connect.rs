//! `Connector`: opens a node's connections, with TLS and through a proxy if configured.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use ferrowire::NodeContext;
use ferrowire_net::{Proxy, TlsOptions};
use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::http::Extensions;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tower_service::Service;

use crate::failure::NoConnection;
use crate::proxy::{Choice, target};

/// The maximum size of a proxy's response.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Opens connections. Clones share the TLS configuration.
#[derive(Clone, Debug)]
pub(crate) struct Connector(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    cx: NodeContext,
    proxy: Choice,
    tls: TlsOptions,
    /// Built from the options on first use, because it reads files.
    config: OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    pub(crate) fn new(cx: NodeContext, proxy: Choice, tls: TlsOptions) -> Self {
        Connector(Arc::new(Shared { cx, proxy, tls, config: OnceCell::new() }))
    }

    /// The proxy for a URL.
    pub(crate) fn proxy_for(&self, uri: &Uri) -> Result<Option<Proxy>, String> {
        self.0.proxy.proxy_for(uri, &self.0.cx)
    }

    async fn open(self, uri: Uri) -> Result<TokioIo<Conn>, NoConnection> {
        let (secure, host, port) = target(&uri);
        let proxy = self.proxy_for(&uri).map_err(NoConnection::Options)?;
        let tcp = match &proxy {
            Some(proxy) => connect(&proxy.host, proxy.port).await?,
            None => connect(host, port).await?,
        };
        if !secure {
            let stream = Stream::Plain(tcp);
            return Ok(TokioIo::new(Conn { stream, through_proxy: proxy.is_some() }));
        }
        let tcp = match &proxy {
            Some(proxy) => tunnel(tcp, proxy, host, port).await?,
            None => tcp,
        };
        let name = self.0.tls.server_name.as_deref().unwrap_or(host);
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| NoConnection::Options(format!("invalid TLS server name `{name}`")))?;
        let stream = TlsConnector::from(self.config().await?)
            .connect(server, tcp)
            .await
            .map_err(|source| NoConnection::Tls(name.to_owned(), source))?;
        Ok(TokioIo::new(Conn { stream: Stream::Tls(Box::new(stream)), through_proxy: false }))
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, NoConnection> {
        let shared = &self.0;
        let make = || async {
            let env = |name: &str| shared.cx.env(name)?.as_str().map(str::to_owned);
            let options = shared.tls.clone().with_environment(env);
            let made = tokio::task::spawn_blocking(move || options.client_config()).await;
            made.map_err(|error| error.to_string())?
        };
        shared.config.get_or_try_init(make).await.cloned().map_err(NoConnection::Options)
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, NoConnection> {
    let failed = |source| NoConnection::Connect(host.to_owned(), port, source);
    let tcp = TcpStream::connect((host, port)).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    Ok(tcp)
}

/// Requests a tunnel from a proxy (RFC 9110 §9.3.6).
async fn tunnel(
    mut tcp: TcpStream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<TcpStream, NoConnection> {
    let failed = |source| NoConnection::Connect(proxy.host.clone(), proxy.port, source);
    let refused = |why: &str| NoConnection::Proxy(proxy.host.clone(), proxy.port, why.to_owned());
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut head = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(authorization) = &proxy.authorization {
        head.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
    }
    head.push_str("\r\n");
    tcp.write_all(head.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    // Byte by byte: what follows belongs to the server behind the proxy.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= LONGEST_ANSWER {
            return Err(refused("with too many bytes"));
        }
        answer.push(tcp.read_u8().await.map_err(failed)?);
    }
    let line = String::from_utf8_lossy(&answer);
    let status = line.lines().next().and_then(|line| line.split_once(' ')).map_or("", |it| it.1);
    if status.starts_with('2') { Ok(tcp) } else { Err(refused(status)) }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Conn>;
    type Error = NoConnection;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().open(uri))
    }
}

/// A connection, and whether its requests need the absolute URL for a proxy.
#[derive(Debug)]
pub(crate) struct Conn {
    stream: Stream,
    through_proxy: bool,
}

/// Whether a connection has already served a request. Shared by the clones for one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Age(Arc<AtomicBool>);

impl Age {
    /// The age of the connection on which a request failed.
    pub(crate) fn of(error: &legacy::Error) -> Self {
        let mut all = Extensions::new();
        if let Some(connected) = error.connect_info() {
            connected.get_extras(&mut all);
        }
        all.remove().unwrap_or_default()
    }

    pub(crate) fn has_served(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_old(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Conn {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.through_proxy).extra(Age::default())
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

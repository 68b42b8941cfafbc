//! `Connector`: opens a node's connections, with TLS and through a proxy if configured.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use ferrowire::NodeContext;
use ferrowire_net::dial::{self, NoConnection};
use ferrowire_net::{Proxy, TlsOptions};
use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::http::Extensions;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tower_service::Service;

use crate::proxy::{Choice, target};

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
            Some(proxy) => dial::connect(&proxy.host, proxy.port).await?,
            None => dial::connect(host, port).await?,
        };
        if !secure {
            let stream = Stream::Plain(tcp);
            return Ok(TokioIo::new(Conn { stream, through_proxy: proxy.is_some() }));
        }
        let tcp = match &proxy {
            Some(proxy) => dial::tunnel(tcp, proxy, host, port).await?,
            None => tcp,
        };
        let name = self.0.tls.server_name.as_deref().unwrap_or(host);
        let stream = dial::secure(tcp, self.config().await?, name).await?;
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

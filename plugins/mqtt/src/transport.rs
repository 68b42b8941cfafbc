//! The stream below MQTT: TCP, TLS, or the binary messages of a WebSocket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ferrowire::NodeContext;
use ferrowire_net::dial::{self, NoConnection};
use ferrowire_net::{Proxy, Stream};
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use crate::address::Address;
use crate::codec::Version;
use crate::options::Options;

/// A stream of bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoStream {
    #[error(transparent)]
    Connection(#[from] NoConnection),
    #[error("the WebSocket handshake failed")]
    WebSocket(#[source] Box<WsError>),
}

/// Opens the stream to a broker. Has no time limit of its own.
pub(crate) async fn open(
    options: &Options,
    cx: &NodeContext,
    limit: usize,
) -> Result<Box<dyn Duplex>, NoStream> {
    let address = options.address.as_ref();
    let address = address.map_err(|text| NoConnection::Options(text.clone()))?;
    let stream = stream(address, options, cx).await?;
    if !address.is_websocket {
        return Ok(Box::new(stream));
    }
    let protocol = if options.version == Version::V3 { "mqttv3.1" } else { "mqtt" };
    let invalid = |error: &dyn std::fmt::Display| NoConnection::Options(error.to_string());
    let uri = address.url.parse().map_err(|error| invalid(&error))?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol(protocol);
    let config =
        WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
    let (socket, _response) = opened.map_err(|error| NoStream::WebSocket(Box::new(error)))?;
    Ok(Box::new(Binary { socket, rest: Bytes::new() }))
}

/// TCP or TLS; through a proxy only for WebSockets, as in Node-RED.
async fn stream(
    address: &Address,
    options: &Options,
    cx: &NodeContext,
) -> Result<Stream, NoConnection> {
    let (host, port) = (address.host.as_str(), address.port);
    let env = |name: &str| cx.env(name)?.as_str().map(str::to_owned);
    let proxy = match address.is_websocket {
        true => Proxy::from_environment(address.is_secure, host, port, env)
            .map_err(NoConnection::Options)?,
        false => None,
    };
    let tcp = match &proxy {
        Some(proxy) => {
            let tcp = dial::connect(&proxy.host, proxy.port).await?;
            dial::tunnel(tcp, proxy, host, port).await?
        }
        None => dial::connect(host, port).await?,
    };
    if !address.is_secure {
        return Ok(Stream::Plain(tcp));
    }
    let tls = options.tls.clone().with_environment(env);
    let name = tls.server_name.clone();
    // Reads files, including the system's certificates.
    let config = tokio::task::spawn_blocking(move || tls.client_config()).await;
    let config = config.unwrap_or_else(|error| Err(error.to_string()));
    let config = config.map_err(NoConnection::Options)?;
    let tls = dial::secure(tcp, Arc::clone(&config), name.as_deref().unwrap_or(host)).await?;
    Ok(Stream::Tls(Box::new(tls.into())))
}

/// The binary messages of a WebSocket as a stream of bytes (MQTT 5.0 §6): packets need not begin with
/// messages.
struct Binary {
    socket: WebSocketStream<Stream>,
    /// What was received and not read yet.
    rest: Bytes,
}

fn failed(error: WsError) -> io::Error {
    match error {
        WsError::Io(error) => error,
        error => io::Error::other(error),
    }
}

impl AsyncRead for Binary {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            let message = match ready!(Pin::new(&mut this.socket).poll_next(cx)) {
                None | Some(Err(WsError::ConnectionClosed)) => return Poll::Ready(Ok(())),
                Some(message) => message.map_err(failed)?,
            };
            match message {
                WsMessage::Binary(bytes) => this.rest = bytes,
                WsMessage::Text(_) => {
                    let text = "the broker sent a text over the WebSocket";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                WsMessage::Close(_) => return Poll::Ready(Ok(())),
                WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_) => {}
            }
        }
        let size = this.rest.len().min(buf.remaining());
        buf.put_slice(&this.rest.split_to(size));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Binary {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.get_mut().socket);
        ready!(socket.as_mut().poll_ready(cx)).map_err(failed)?;
        let message = WsMessage::Binary(Bytes::copy_from_slice(buf));
        socket.start_send(message).map_err(failed)?;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx).map_err(failed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_close(cx).map_err(failed)
    }
}

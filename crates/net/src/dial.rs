//! Dialling as a client: TCP, a tunnel through a proxy, TLS.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::Proxy;

/// The maximum size of a proxy's response, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NoConnection {
    /// The host, the port and the error of the system.
    #[error("cannot reach {0}:{1}")]
    Connect(String, u16, #[source] io::Error),
    /// The server's name and the error.
    #[error("the TLS handshake with `{0}` failed")]
    Tls(String, #[source] io::Error),
    /// An option that does not allow a connection.
    #[error("{0}")]
    Options(String),
    /// The proxy's host and port, and its response.
    #[error("the proxy {0}:{1} responded {2}")]
    Proxy(String, u16, String),
}

/// Opens a TCP connection. Has no time limit of its own.
///
/// # Errors
/// If the host is unknown or does not accept the connection.
pub async fn connect(host: &str, port: u16) -> Result<TcpStream, NoConnection> {
    let failed = |source| NoConnection::Connect(host.to_owned(), port, source);
    let tcp = TcpStream::connect((host, port)).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    Ok(tcp)
}

/// Requests a tunnel from a proxy (RFC 9110 §9.3.6).
///
/// # Errors
/// If the proxy refuses it, responds with more than 16 KiB, or closes the connection.
pub async fn tunnel(
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

/// Begins TLS as the client of the server `name`.
///
/// # Errors
/// If `name` is neither a host name nor an address, or the handshake fails.
pub async fn secure(
    tcp: TcpStream,
    config: Arc<ClientConfig>,
    name: &str,
) -> Result<TlsStream<TcpStream>, NoConnection> {
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| NoConnection::Options(format!("invalid TLS server name `{name}`")))?;
    let connecting = TlsConnector::from(config).connect(server, tcp);
    connecting.await.map_err(|source| NoConnection::Tls(name.to_owned(), source))
}

//! One connection: the handshake, then a non-blocking socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// The time limit of a server for one answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The key of RFC 6455's example, and the matching `Sec-WebSocket-Accept`.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Opens a connection and completes the handshake; the socket is blocking.
pub(crate) fn connect(addr: SocketAddr, path: &str) -> Result<TcpStream> {
    let mut stream = open(addr)?;
    stream.write_all(request(addr, path).as_bytes())?;
    expect_accepted(&mut stream, path)?;
    Ok(stream)
}

/// Opens a connection without sending anything.
pub(super) fn open(addr: SocketAddr) -> Result<TcpStream> {
    let stream =
        TcpStream::connect(addr).with_context(|| format!("could not connect to `{addr}`"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The upgrade request.
pub(super) fn request(addr: SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

/// Reads the response to the handshake.
pub(super) fn expect_accepted(stream: &mut TcpStream, path: &str) -> Result<()> {
    accepted(stream, path).map(drop)
}

/// The same; returns the response.
pub(super) fn accepted(stream: &mut TcpStream, path: &str) -> Result<String> {
    let answer = read_head(stream).context("the handshake was not answered")?;
    ensure!(
        answer.starts_with("HTTP/1.1 101 ") && answer.contains(ACCEPT),
        "the server did not accept a WebSocket on `{path}`: `{}`",
        answer.lines().next().unwrap_or_default()
    );
    Ok(answer)
}

fn read_head(stream: &mut TcpStream) -> Result<String> {
    let mut head = Vec::new();
    let mut part = [0; 2_048];
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(head.len() < 16_384, "the response has no end");
        let read = stream.read(&mut part)?;
        ensure!(read > 0, "the connection was closed");
        head.extend(part.get(..read).unwrap_or_default());
    }
    Ok(String::from_utf8(head)?)
}

/// Opens many connections; the sockets are blocking.
pub(super) fn connect_all(addr: SocketAddr, path: &str, count: usize) -> Result<Vec<TcpStream>> {
    (0..count)
        .map(|number| connect(addr, path).with_context(|| format!("connection `{number}`")))
        .collect()
}

/// Reads available bytes into the buffer; none if the socket would block.
pub(super) fn read_ready<'a>(stream: &mut TcpStream, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    match stream.read(buffer) {
        Ok(0) => bail!("the server closed a connection"),
        Ok(read) => Ok(buffer.get(..read).unwrap_or_default()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(&[]),
        Err(error) => Err(error).context("could not read from the server"),
    }
}

/// Writes as much as the socket accepts.
pub(super) fn write_ready(stream: &mut TcpStream, bytes: &[u8]) -> Result<usize> {
    match stream.write(bytes) {
        Ok(written) => Ok(written),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error).context("could not write to the server"),
    }
}

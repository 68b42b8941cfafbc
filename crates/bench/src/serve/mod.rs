//! The bare servers: only the WebSocket library on tokio.
//!
//! They are the upper bound for a flow runtime. The path of the request selects echo, JSON or
//! fan-out; the name of the server selects typical or tuned use of the library.

mod common;
mod hub;
mod json;
mod tuned;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// The result of a connection.
type Outcome = Result<(), tokio_tungstenite::tungstenite::Error>;

/// The maximum message size, as in Ferrowire.
const MAX_MESSAGE: usize = 100 << 20;

/// The two bare servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// Typical use of the library
    Common,
    /// Reads everything that is ready, then writes once
    Tuned,
}

/// The options of a bare server.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which server
    style: Style,
    /// Where to listen on 127.0.0.1; 0 for any free port
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Worker threads; as many as tokio chooses if not given
    #[arg(long)]
    workers: Option<usize>,
    /// Bytes of read buffer for each connection (tuned only; common keeps the library's default)
    #[arg(long, default_value_t = 4_096)]
    read_buffer: usize,
}

/// Runs the server until the process is killed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = options.workers {
        builder.worker_threads(workers);
    }
    let runtime = builder.enable_all().build().context("could not start the worker threads")?;
    runtime.block_on(async {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = TcpListener::bind(addr)
            .await
            .with_context(|| format!("could not listen on `{addr}`"))?;
        println!("listening {}", listener.local_addr()?);
        accept(listener, options).await
    })
}

#[expect(clippy::disallowed_methods, reason = "a bare server has no nodes to end its tasks with")]
async fn accept(listener: TcpListener, options: &Options) -> Result<()> {
    let config = config(options);
    let common = Arc::new(common::Hub::default());
    let tuned = Arc::new(hub::Hub::default());
    loop {
        let (stream, _) = listener.accept().await.context("could not accept a connection")?;
        // How a connection ends is ignored here; the client checks what matters.
        match options.style {
            Style::Common => drop(tokio::spawn(common::connection(stream, common.clone(), config))),
            Style::Tuned => drop(tokio::spawn(tuned::connection(stream, tuned.clone(), config))),
        }
    }
}

fn config(options: &Options) -> WebSocketConfig {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    match options.style {
        Style::Common => config,
        Style::Tuned => config.read_buffer_size(options.read_buffer),
    }
}

/// Completes the handshake and returns the requested path.
async fn handshake(
    stream: TcpStream,
    config: WebSocketConfig,
) -> Result<(WebSocketStream<TcpStream>, String), tokio_tungstenite::tungstenite::Error> {
    stream.set_nodelay(true)?;
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    let socket =
        tokio_tungstenite::accept_hdr_async_with_config(stream, note, Some(config)).await?;
    Ok((socket, path))
}

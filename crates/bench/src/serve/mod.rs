//! The bare servers: the WebSocket library on tokio and nothing else.
//!
//! They are the limit that a flow runtime is measured against. The path of the request decides
//! between echo, JSON and fan-out, the server's name between the common way and the tuned one.

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

/// How a connection ends.
type Outcome = Result<(), tokio_tungstenite::tungstenite::Error>;

/// Messages may be this long, as in Ferrowire.
const MAX_MESSAGE: usize = 100 << 20;

/// Which of the two bare servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// The library as everybody uses it
    Common,
    /// Everything that is ready is read first and written at once
    Tuned,
}

/// How to run a bare server.
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
        // Connections end as they like; what matters is checked by the client.
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

/// The handshake; answers with the path that was asked for.
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

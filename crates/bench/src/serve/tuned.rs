//! The same library; reads everything that is ready, then writes once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::hub::{Hub, Peer, PeerStream};
use super::{Outcome, json};

/// Publishes the messages read so far once they have this size.
const BURST: usize = 64 << 10;

/// Serves one connection.
pub(super) async fn connection(
    stream: TcpStream,
    hub: Arc<Hub>,
    config: WebSocketConfig,
) -> Outcome {
    let (socket, path) = super::handshake(stream, config).await?;
    match path.as_str() {
        "/fanout" => fanout(socket, &hub, config).await,
        "/json" => echo(socket, json::answer).await,
        _ => echo(socket, Ok).await,
    }
}

async fn echo(
    mut socket: WebSocketStream<TcpStream>,
    answer: impl Fn(Message) -> Result<Message, Error>,
) -> Outcome {
    while let Some(message) = next_or_flush(&mut socket).await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.feed(answer(message)?).await?;
        }
    }
    Ok(())
}

/// The next message; flushes queued output if there is none yet.
async fn next_or_flush<S>(socket: &mut WebSocketStream<S>) -> Option<Result<Message, Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    poll_fn(|cx| match socket.poll_next_unpin(cx) {
        Poll::Pending => match socket.poll_flush_unpin(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        },
        next => next,
    })
    .await
}

/// Frames are encoded once and written directly into every socket that is not blocked.
async fn fanout(socket: WebSocketStream<TcpStream>, hub: &Hub, config: WebSocketConfig) -> Outcome {
    // The library refuses bytes after the request, so no input is lost here.
    let (read, write) = socket.into_inner().into_split();
    let peer = hub.join(write);
    let stream = PeerStream::new(read, peer.clone());
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let outcome = tokio::select! {
        outcome = publish(&mut socket, hub) => outcome,
        outcome = drain(&peer) => outcome,
    };
    hub.leave(&peer);
    outcome
}

async fn drain(peer: &Peer) -> Outcome {
    Ok(peer.drain().await?)
}

async fn publish(socket: &mut WebSocketStream<PeerStream>, hub: &Hub) -> Outcome {
    while let Some(first) = next_or_flush(socket).await {
        let mut burst = Vec::new();
        encode(first?, &mut burst)?;
        while burst.len() < BURST
            && let Some(Some(more)) = socket.next().now_or_never()
        {
            encode(more?, &mut burst)?;
        }
        hub.broadcast(&Bytes::from(burst));
    }
    Ok(())
}

fn encode(message: Message, burst: &mut Vec<u8>) -> Outcome {
    let kind = match message {
        Message::Text(_) => Data::Text,
        Message::Binary(_) => Data::Binary,
        _ => return Ok(()),
    };
    Frame::message(message.into_data(), OpCode::Data(kind), true).format(burst)
}

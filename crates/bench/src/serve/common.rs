//! Typical use of the library: a task per connection, each reply sent at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Outcome, json};

/// The maximum number of messages queued for one subscriber.
const QUEUE: usize = 1_024;

/// The subscribers.
#[derive(Debug, Default)]
pub(super) struct Hub {
    next: AtomicU64,
    subscribers: Mutex<HashMap<u64, mpsc::Sender<Message>>>,
}

/// Serves one connection.
pub(super) async fn connection(
    stream: TcpStream,
    hub: Arc<Hub>,
    config: WebSocketConfig,
) -> Outcome {
    let (socket, path) = super::handshake(stream, config).await?;
    match path.as_str() {
        "/fanout" => fanout(socket, &hub).await,
        "/json" => echo(socket, json::answer).await,
        _ => echo(socket, Ok).await,
    }
}

async fn echo(
    mut socket: WebSocketStream<TcpStream>,
    answer: impl Fn(Message) -> Result<Message, Error>,
) -> Outcome {
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(answer(message)?).await?;
        }
    }
    Ok(())
}

/// A queue for each subscriber, emptied by its task, as in the library's chat example.
async fn fanout(socket: WebSocketStream<TcpStream>, hub: &Hub) -> Outcome {
    let (sender, mut queue) = mpsc::channel(QUEUE);
    let id = hub.join(sender);
    let (sink, mut incoming) = socket.split();
    let write = stream::poll_fn(move |cx| queue.poll_recv(cx)).map(Ok).forward(sink);
    let read = async {
        while let Some(message) = incoming.next().await {
            let message = message?;
            if message.is_text() || message.is_binary() {
                hub.publish(&message).await;
            }
        }
        Ok(())
    };
    let outcome = tokio::select! {
        outcome = write => outcome,
        outcome = read => outcome,
    };
    hub.leave(id);
    outcome
}

impl Hub {
    fn join(&self, sender: mpsc::Sender<Message>) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(id, sender);
        id
    }

    fn leave(&self, id: u64) {
        self.lock().remove(&id);
    }

    async fn publish(&self, message: &Message) {
        let subscribers: Vec<_> = self.lock().values().cloned().collect();
        for subscriber in subscribers {
            if let Err(TrySendError::Full(message)) = subscriber.try_send(message.clone()) {
                // An error means that the subscriber has disconnected.
                drop(subscriber.send(message).await);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, mpsc::Sender<Message>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

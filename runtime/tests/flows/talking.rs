//! A client that lives on while instances restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::support::soon;

/// Talks over WebSocket until `stop`, and connects again after each close, which must be 1012.
pub(crate) async fn talk(url: String, stop: CancellationToken, closes: Arc<AtomicUsize>) {
    while !stop.is_cancelled() {
        let (mut socket, _) = soon("a connection", connect_async(&url)).await.unwrap();
        for at in 0_u64.. {
            if stop.is_cancelled() {
                return;
            }
            // The close frame may have come before.
            let _closing = socket.send(Message::text(at.to_string())).await;
            match soon("an answer", socket.next()).await {
                Some(Ok(Message::Text(text))) => assert_eq!(text.as_str(), at.to_string()),
                Some(Ok(Message::Close(Some(close)))) => {
                    assert_eq!(u16::from(close.code), 1012);
                    closes.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                other => panic!("expected an answer or 1012, not {other:?}"),
            }
        }
        while soon("the end", socket.next()).await.is_some_and(|message| message.is_ok()) {}
    }
}

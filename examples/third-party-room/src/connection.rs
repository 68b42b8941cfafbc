//! Connections: an upgrade to lines of text.

use std::sync::Arc;

use ferrowire::async_trait;
use ferrowire::port::http::StatusCode;
use ferrowire::port::http::request::Parts;
use ferrowire::port::{ByteStream, Origin, Response, TakeOver, Upgrade, text};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;

use crate::room::Hub;

/// Longer lines end the connection.
const LONGEST: u64 = 64 * 1024;

const ANSWER: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: lines\r\nConnection: Upgrade\r\n\r\n";

/// Handles upgrade requests.
pub(crate) struct Door {
    pub(crate) hub: Arc<Hub>,
    pub(crate) most: usize,
}

#[async_trait]
impl Upgrade for Door {
    async fn upgrade(&self, head: Parts, _: Origin) -> Result<TakeOver, Response> {
        if head.headers.get("upgrade").is_none_or(|wanted| wanted != "lines") {
            return Err(text(StatusCode::BAD_REQUEST, "only upgrades to `lines` are supported"));
        }
        let Some((number, lines)) = self.hub.members.add(self.most) else {
            return Err(text(StatusCode::SERVICE_UNAVAILABLE, "the room is full"));
        };
        let present = Present { hub: Arc::clone(&self.hub), number };
        present.hub.show();
        Ok(Box::new(move |stream, early| {
            let cx = present.hub.cx.clone();
            cx.spawn(async move { present.serve(stream, early.to_vec(), lines).await });
        }))
    }
}

/// A connected client, until dropped.
struct Present {
    hub: Arc<Hub>,
    number: u64,
}

impl Present {
    async fn serve(self, stream: ByteStream, early: Vec<u8>, mut lines: mpsc::Receiver<String>) {
        let (read, mut write) = tokio::io::split(stream);
        let mut input = BufReader::new(std::io::Cursor::new(early).chain(read));
        if write.write_all(ANSWER).await.is_err() {
            return;
        }
        let writing = async {
            while let Some(line) = lines.recv().await {
                if write.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                    return;
                }
            }
        };
        let reading = async {
            let mut line = String::new();
            while let Ok(1..) = (&mut input).take(LONGEST).read_line(&mut line).await {
                let Some(whole) = line.strip_suffix('\n') else { return };
                self.hub.received(whole.trim_end_matches('\r')).await;
                line.clear();
            }
        };
        tokio::select! {
            () = writing => {}
            () = reading => {}
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.hub.members.remove(self.number);
        self.hub.show();
    }
}

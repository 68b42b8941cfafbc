//! Clients of rooms with a history that go on wherever they find an instance, and who sends to the rooms.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use crate::support::{listener, node, set, tab, with, ws_in, ws_out};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A listener with a history. A message `{"room", "payload"}` goes to the room; its sender gets the payload back
/// when the message is complete, and an error otherwise.
pub(crate) fn flows(history: Value) -> Value {
    let to_room = json!({"to": "room", "target": "to", "targetType": "msg"});
    let options = with(json!({"clientRooms": "*"}), history);
    json!([
        tab("tab"),
        with(listener("l", "/ws"), options),
        ws_in("in", "l", &["json"]),
        node("json", "json", json!({"property": "payload", "action": "obj"}), &["asked"]),
        set("asked", "asked", "_session", "msg", &["to"]),
        set("to", "to", "payload.room", "msg", &["sent"]),
        set("sent", "sent", "payload.payload", "msg", &["text"]),
        set("text", "payload", "sent", "msg", &["room"]),
        with(ws_out("room", "l"), to_room),
        node("complete", "complete", json!({"scope": ["room"]}), &["answer"]),
        node("catch", "catch", json!({"scope": ["room"]}), &["error"]),
        set("error", "sent", "error.message", "msg", &["answer"]),
        set("answer", "_session", "asked", "msg", &["payload"]),
        set("payload", "payload", "sent", "msg", &["reply"]),
        ws_out("reply", "l"),
    ])
}

/// Connects as soon as somebody answers.
async fn connect(address: &str, query: &str) -> Socket {
    loop {
        if let Ok((socket, _)) = connect_async(format!("ws://{address}/ws{query}")).await {
            return socket;
        }
        tokio::task::yield_now().await;
    }
}

/// The next message as JSON; `None` if the connection has ended.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

/// One client of a room.
pub(crate) struct Reader {
    address: String,
    room: String,
    position: Option<(String, u64)>,
    /// The highest offset that it was told of.
    known: u64,
    seen: Vec<u64>,
    connects: usize,
}

/// What a reader has got.
pub(crate) struct Seen {
    pub(crate) room: String,
    pub(crate) numbers: Vec<u64>,
    pub(crate) connects: usize,
}

impl Reader {
    pub(crate) fn new(address: &str, room: &str) -> Self {
        let (address, room) = (address.to_owned(), room.to_owned());
        Reader { address, room, position: None, known: 0, seen: Vec::new(), connects: 0 }
    }

    /// Reads until it has got the last number, which is told at the end.
    pub(crate) async fn read(
        mut self,
        ready: Arc<AtomicU64>,
        mut last: watch::Receiver<Option<u64>>,
    ) -> Seen {
        loop {
            let mut socket = connect(&self.address, "?history=").await;
            self.connects += 1;
            let ended = self.follow(&mut socket, &ready, &mut last).await;
            if ended {
                let Reader { room, seen, connects, .. } = self;
                return Seen { room, numbers: seen, connects };
            }
        }
    }

    async fn follow(
        &mut self,
        socket: &mut Socket,
        ready: &AtomicU64,
        last: &mut watch::Receiver<Option<u64>>,
    ) -> bool {
        let request = match &self.position {
            None => json!({"join": self.room}),
            Some((epoch, offset)) => {
                json!({"join": self.room, "after": format!("{epoch}:{offset}")})
            }
        };
        if socket.send(Message::text(request.to_string())).await.is_err() {
            return false;
        }
        loop {
            if last.borrow().is_some_and(|last| self.seen.last() == Some(&last)) {
                return true;
            }
            tokio::select! {
                message = next(socket) => match message {
                    Some(message) => self.take(&message, ready),
                    None => return false,
                },
                changed = last.changed() => changed.unwrap(),
            }
        }
    }

    fn take(&mut self, message: &Value, ready: &AtomicU64) {
        if let Some(history) = message.get("history") {
            if history["room"] == json!(self.room) {
                self.introduced(history, ready);
            }
        } else if let Some(offset) = message["offset"].as_u64() {
            let (_, position) = self.position.as_mut().unwrap();
            assert!(offset > *position, "{message} comes again in {}", self.room);
            if let Some(previous) = message.get("previous") {
                let has_all = previous.as_u64().unwrap() <= self.known;
                assert!(has_all, "{message} shows a gap in {}", self.room);
            }
            *position = offset;
            self.known = self.known.max(offset);
            self.seen.push(message["data"].as_str().unwrap().parse().unwrap());
        }
    }

    fn introduced(&mut self, history: &Value, ready: &AtomicU64) {
        let epoch = history["epoch"].as_str().unwrap().to_owned();
        self.known = history["offset"].as_u64().unwrap();
        if self.position.is_some() {
            assert_eq!(history["recovered"], true, "{history} after {:?}", self.position);
        } else {
            self.position = Some((epoch, self.known));
            ready.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends numbers to a room, one after the other, and no more than one in each `pace`; each is a new one, also after it was not acknowledged.
pub(crate) async fn send(
    address: String,
    (room, pace): (String, Option<Duration>),
    stop: CancellationToken,
    acknowledged: Arc<Mutex<BTreeSet<u64>>>,
) -> u64 {
    let mut number = 0;
    let mut beats = pace.map(tokio::time::interval);
    loop {
        let mut socket = connect(&address, "").await;
        loop {
            if let Some(beats) = &mut beats {
                beats.tick().await;
            }
            number += 1;
            if !send_one(&mut socket, &room, number).await {
                break;
            }
            acknowledged.lock().unwrap().insert(number);
            if stop.is_cancelled() {
                return number;
            }
        }
    }
}

/// Sends a number; whether it was acknowledged.
async fn send_one(socket: &mut Socket, room: &str, number: u64) -> bool {
    let message = json!({"room": room, "payload": number.to_string()});
    if socket.send(Message::text(message.to_string())).await.is_err() {
        return false;
    }
    loop {
        match next(socket).await {
            None => return false,
            Some(answer) if answer == json!(number) => return true,
            // What is kept for everybody, for example.
            Some(Value::Object(_)) => {}
            Some(other) => panic!("expected an acknowledgement, not {other}"),
        }
    }
}

/// Asserts that a reader has got each acknowledged number once, in order.
pub(crate) fn assert_complete(seen: &Seen, acknowledged: &BTreeSet<u64>) {
    let Seen { room, numbers, .. } = seen;
    assert!(numbers.is_sorted_by(|a, b| a < b), "{room}: {numbers:?}");
    let got: BTreeSet<u64> = numbers.iter().copied().collect();
    let missing: Vec<&u64> = acknowledged.difference(&got).collect();
    assert!(missing.is_empty(), "{room}: {missing:?} are missing of {numbers:?}");
}

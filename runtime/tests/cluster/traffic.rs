//! Readers of rooms with a history, and who sends to the rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::readers::{Reader, Seen, assert_complete, send};
use crate::support::soon;

/// Rooms with readers and one sender each.
pub(crate) struct Traffic {
    readers: JoinSet<Seen>,
    senders: JoinSet<(usize, u64)>,
    stop: CancellationToken,
    rooms: Vec<Room>,
}

struct Room {
    /// The last number, once it is known.
    last: watch::Sender<Option<u64>>,
    acknowledged: Arc<Mutex<BTreeSet<u64>>>,
}

fn name(room: usize) -> String {
    format!("room {room}")
}

impl Traffic {
    /// Readers, spread over rooms and addresses, and a sender for each room at the first address, which sends a number in
    /// each `pace`, or as soon as the last one is acknowledged.
    pub(crate) async fn begin(
        addresses: &[&str],
        (rooms, readers): (usize, usize),
        pace: Option<Duration>,
    ) -> Self {
        let ready = Arc::new(AtomicU64::new(0));
        let room = || Room { last: watch::Sender::new(None), acknowledged: Arc::default() };
        let mut traffic = Traffic {
            readers: JoinSet::new(),
            senders: JoinSet::new(),
            stop: CancellationToken::new(),
            rooms: std::iter::repeat_with(room).take(rooms).collect(),
        };
        for (at, address) in addresses.iter().cycle().take(readers).enumerate() {
            let room = at / addresses.len() % rooms;
            let end = traffic.rooms[room].last.subscribe();
            traffic.readers.spawn(Reader::new(address, &name(room)).read(Arc::clone(&ready), end));
        }
        let mut before = 0;
        while before < readers as u64 {
            let further = async {
                while ready.load(Ordering::Relaxed) == before {
                    tokio::task::yield_now().await;
                }
            };
            soon("a further reader", further).await;
            before = ready.load(Ordering::Relaxed);
        }
        for (number, room) in traffic.rooms.iter().enumerate() {
            let acknowledged = Arc::clone(&room.acknowledged);
            let (address, stop) = (addresses[0].to_owned(), traffic.stop.clone());
            traffic.senders.spawn(async move {
                (number, send(address, (name(number), pace), stop, acknowledged).await)
            });
        }
        traffic
    }

    /// Waits until so many more are acknowledged in each room.
    pub(crate) async fn more(&self, count: usize) {
        let now = |room: &Room| room.acknowledged.lock().unwrap().len();
        let wanted: Vec<usize> = self.rooms.iter().map(|room| now(room) + count).collect();
        for (room, wanted) in self.rooms.iter().zip(wanted) {
            let more = async {
                while now(room) < wanted {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            soon("further acknowledgements", more).await;
        }
    }

    /// Ends it, and checks what the readers have got. Returns how often they connected.
    pub(crate) async fn end(mut self) -> usize {
        self.stop.cancel();
        while let Some(ended) = soon("a sender", self.senders.join_next()).await {
            let (room, last) = ended.unwrap();
            self.rooms[room].last.send_replace(Some(last));
        }
        let acknowledged = |room: &Room| room.acknowledged.lock().unwrap().clone();
        let numbered = self.rooms.iter().enumerate();
        let by_room: BTreeMap<String, BTreeSet<u64>> =
            numbered.map(|(number, room)| (name(number), acknowledged(room))).collect();
        let mut connects = 0;
        while let Some(seen) = soon("what readers miss", self.readers.join_next()).await {
            let seen = seen.unwrap();
            assert_complete(&seen, &by_room[&seen.room]);
            connects += seen.connects;
        }
        connects
    }
}

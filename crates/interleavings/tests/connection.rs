//! No order of the steps of a connection's tasks loses a message or a wake-up.

use std::sync::Arc;

use ferrowire_core::Sending;
use ferrowire_interleavings::{
    Backlog, Close, Connection, Ended, Limits, NotSent, Payload, Peer, Pipe, Receive, Role,
    explore, pipe,
};
use shuttle::future::{JoinHandle, block_on, spawn};

type Server = Arc<Connection<Pipe>>;

/// A backlog of this run, which stays until the process ends.
fn backlog(limit: usize) -> &'static Backlog {
    let backlog = Box::leak(Box::new(Backlog::new()));
    backlog.set_limit(limit);
    backlog
}

/// A connection whose socket takes `room` bytes, and its peer.
fn connect(room: usize, backlog: &'static Backlog) -> (Server, Peer) {
    let (stream, peer) = pipe(room);
    let limits = Limits { max_queue: 40, ..Limits::default() };
    (Connection::new(stream, Role::Server, limits, backlog), peer)
}

struct Ignore;

impl Receive for Ignore {
    fn message(&self, _: Payload) -> Sending {
        Sending::done()
    }
}

fn run(connection: &Server, receiver: impl Receive + 'static) -> JoinHandle<Ended> {
    let connection = Arc::clone(connection);
    spawn(async move { connection.run(Default::default(), &receiver).await })
}

/// Sends a text; waits for room as long as there is none. Returns whether it was sent.
async fn send(connection: &Server, text: String) -> bool {
    let mut payload = Payload::Text(text.into());
    loop {
        match connection.send(payload) {
            Ok(()) => return true,
            Err(NotSent::Closed) => return false,
            Err(NotSent::Full(back)) => payload = back,
        }
        connection.room().await;
    }
}

/// Sends `count` texts that begin with `name`.
fn sender(connection: &Server, name: &'static str, count: usize) -> JoinHandle<usize> {
    let connection = Arc::clone(connection);
    spawn(async move {
        let mut sent = 0;
        for number in 0..count {
            sent += usize::from(send(&connection, format!("{name} message {number}")).await);
        }
        sent
    })
}

/// The texts that begin with `name`, which are complete and in order.
fn assert_order(texts: &[String], name: &str, count: usize) {
    let found: Vec<_> = texts.iter().filter(|text| text.starts_with(name)).collect();
    let expected: Vec<_> = (0..count).map(|number| format!("{name} message {number}")).collect();
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
}

fn normal() -> Close {
    Close { code: Some(1000), reason: "".into() }
}

#[test]
fn what_is_sent_to_a_blocked_socket_arrives_in_order_and_before_the_close_frame() {
    explore(|| {
        let (connection, peer) = connect(7, backlog(usize::MAX));
        let running = run(&connection, Ignore);
        let senders = [sender(&connection, "a", 3), sender(&connection, "b", 3)];
        let reading = spawn(async move { (peer.read(usize::MAX).await, peer) });
        block_on(async {
            for sender in senders {
                assert_eq!(sender.await.unwrap(), 3);
            }
            connection.close(&normal());
            let (texts, _peer) = reading.await.unwrap();
            assert_order(&texts, "a", 3);
            assert_order(&texts, "b", 3);
            assert_eq!(running.await.unwrap(), Ended::Closed(normal()));
        });
    });
}

#[test]
fn a_connection_that_is_closed_while_it_drains_ends() {
    explore(|| {
        let (connection, peer) = connect(5, backlog(usize::MAX));
        let running = run(&connection, Ignore);
        let sender = sender(&connection, "a", 4);
        let closing = {
            let connection = Arc::clone(&connection);
            spawn(async move { connection.close(&normal()) })
        };
        let reading = spawn(async move { (peer.read(usize::MAX).await, peer) });
        block_on(async {
            let (texts, _peer) = reading.await.unwrap();
            // Whatever was accepted arrives, and nobody waits for room that does not come.
            assert_order(&texts, "a", sender.await.unwrap());
            closing.await.unwrap();
            assert_eq!(running.await.unwrap(), Ended::Closed(normal()));
        });
    });
}

#[test]
fn who_waits_for_room_learns_that_the_connection_was_dropped() {
    explore(|| {
        let (connection, _peer) = connect(3, backlog(usize::MAX));
        let running = run(&connection, Ignore);
        let sender = sender(&connection, "a", 4);
        let aborting = {
            let connection = Arc::clone(&connection);
            spawn(async move { connection.abort() })
        };
        block_on(async {
            assert!(sender.await.unwrap() < 4, "the queue has no room for all");
            aborting.await.unwrap();
            assert!(matches!(running.await.unwrap(), Ended::Lost(_)));
        });
    });
}

/// Sends what is received to another connection.
struct Forward(Server);

impl Receive for Forward {
    fn message(&self, payload: Payload) -> Sending {
        let to = Arc::clone(&self.0);
        match to.send(payload) {
            Err(NotSent::Full(Payload::Text(text))) => Sending::later(Box::pin(async move {
                send(&to, text.to_string()).await;
            })),
            _ => Sending::done(),
        }
    }
}

#[test]
fn a_write_that_one_task_puts_off_takes_the_messages_of_others_with_it() {
    explore(|| {
        let backlog = backlog(usize::MAX);
        let ((from, client), (to, peer)) = (connect(100, backlog), connect(9, backlog));
        let running = [run(&from, Forward(Arc::clone(&to))), run(&to, Ignore)];
        let direct = sender(&to, "direct", 2);
        let sending = spawn(async move {
            for number in 0..3 {
                client.send(&format!("forwarded message {number}"));
            }
            client
        });
        block_on(async {
            // Nothing else is sent that could write what was forgotten.
            let texts = peer.read(5).await;
            assert_order(&texts, "direct", 2);
            assert_order(&texts, "forwarded", 3);
            assert_eq!(direct.await.unwrap(), 2);
            drop((sending.await.unwrap(), peer));
            for running in running {
                assert!(matches!(running.await.unwrap(), Ended::Lost(_)));
            }
        });
    });
}

#[test]
fn the_backlog_of_all_connections_is_within_its_limit_when_nobody_sends() {
    explore(|| {
        let backlog = backlog(40);
        let all = [3, 4, 5].map(|room| connect(room, backlog));
        let running = all.each_ref().map(|(connection, _)| run(connection, Ignore));
        let senders = all.each_ref().map(|(connection, _)| {
            let connection = Arc::clone(connection);
            spawn(async move {
                // What does not fit is dropped, as for a client that is not waited for.
                for _ in 0..2 {
                    let _sent = connection.send(Payload::Text("some message".into()));
                }
            })
        });
        block_on(async {
            for sender in senders {
                sender.await.unwrap();
            }
            assert!(!backlog.is_over(), "{} bytes", backlog.held());
            for (connection, _) in &all {
                connection.abort();
            }
            for running in running {
                assert!(matches!(running.await.unwrap(), Ended::Lost(_)));
            }
        });
        drop(all);
        assert_eq!(backlog.held(), 0);
    });
}

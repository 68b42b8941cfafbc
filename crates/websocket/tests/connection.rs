//! One connection over in-memory pipes, on paused time.

#![expect(clippy::unwrap_used, reason = "the harness of a test fails it so")]

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use ferrowire_core::Sending;
use ferrowire_websocket::{
    Backlog, Close, Connection, Ended, Limits, NotSent, Payload, Receive, Role,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::coding::{Data, OpCode};

type Client = WebSocketStream<DuplexStream>;

/// Echoes its messages, and waits if its peer is slow.
struct Echo<S>(OnceLock<Arc<Connection<S>>>);

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Receive for Echo<S> {
    fn message(&self, payload: Payload) -> Sending {
        let connection = Arc::clone(self.0.get().unwrap());
        match connection.send(payload) {
            Err(NotSent::Full(mut payload)) => Sending::later(Box::pin(async move {
                while let Err(NotSent::Full(again)) = connection.send(payload) {
                    payload = again;
                    connection.room().await;
                }
            })),
            _ => Sending::done(),
        }
    }
}

fn serve<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    limits: Limits,
) -> (Arc<Connection<S>>, JoinHandle<Ended>) {
    let connection = Connection::new(stream, Role::Server, limits, Backlog::of_process());
    let echo = Echo(OnceLock::from(Arc::clone(&connection)));
    let run = Arc::clone(&connection);
    #[expect(clippy::disallowed_methods, reason = "no node owns this task")]
    let task = tokio::spawn(async move { run.run(Bytes::new(), &echo).await });
    (connection, task)
}

async fn client(stream: DuplexStream) -> Client {
    WebSocketStream::from_raw_socket(stream, tungstenite::protocol::Role::Client, None).await
}

async fn pair(
    limits: Limits,
    pipe: usize,
) -> (Arc<Connection<DuplexStream>>, JoinHandle<Ended>, Client) {
    let (near, far) = duplex(pipe);
    let (connection, task) = serve(near, limits);
    (connection, task, client(far).await)
}

#[tokio::test(start_paused = true)]
async fn text_and_binary_of_all_sizes_come_back() {
    let (_, _, mut client) = pair(Limits::default(), 1 << 16).await;
    for size in [0, 1, 23, 24, 125, 126, 2048, 2049, 20_000, 65_535, 65_536, 300_000] {
        let text = Message::text("x".repeat(size));
        let binary = Message::binary(vec![7u8; size]);
        for message in [text, binary] {
            client.send(message.clone()).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap(), message, "{size}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_between_fragments_is_answered_at_once() {
    let (_, _, mut client) = pair(Limits::default(), 1 << 16).await;
    let first = Frame::message("ab", OpCode::Data(Data::Text), false);
    client.send(Message::Frame(first)).await.unwrap();
    client.send(Message::Ping("p".into())).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::Pong("p".into()));
    let last = Frame::message("cd", OpCode::Data(Data::Continue), true);
    client.send(Message::Frame(last)).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("abcd"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_costs_its_queue_and_no_more() {
    let limits = Limits { max_queue: 10_000, ..Limits::default() };
    let (connection, task, client) = pair(limits, 100).await;
    tokio::task::yield_now().await;
    let payload = || Payload::Binary(Bytes::from(vec![0; 1000]));
    let taken = (0..100).take_while(|_| connection.send(payload()).is_ok()).count();
    assert!((8..=11).contains(&taken), "{taken} messages were taken");
    assert_eq!(connection.send(payload()), Err(NotSent::Full(payload())));
    // Nothing is read for the stall time: the connection is cut.
    assert_eq!(task.await.unwrap(), Ended::Lost("it took nothing for too long"));
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_single_message_larger_than_the_queue_gets_through() {
    let limits = Limits { max_queue: 1000, ..Limits::default() };
    let (connection, _, mut client) = pair(limits, 100).await;
    connection.send(Payload::Binary(Bytes::from(vec![1; 50_000]))).unwrap();
    assert_eq!(client.next().await.unwrap().unwrap().len(), 50_000);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_slows_its_own_echo_down_and_loses_nothing() {
    let limits = Limits { max_queue: 2000, ..Limits::default() };
    let (_, _, client) = pair(limits, 64).await;
    let (mut send, receive) = client.split();
    let sending = async {
        for number in 0..500 {
            send.send(Message::text(format!("message {number}"))).await.unwrap();
        }
    };
    let receiving = receive.take(500).map(|message| message.unwrap()).collect::<Vec<_>>();
    let ((), received) = futures_util::join!(sending, receiving);
    for (number, message) in received.iter().enumerate() {
        assert_eq!(message, &Message::text(format!("message {number}")));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_a_close_arrives_before_the_close_frame() {
    let (connection, task, mut client) = pair(Limits::default(), 64).await;
    for number in 0..20 {
        connection.send(Payload::Text(format!("message {number}").into())).unwrap();
    }
    connection.close(&Close { code: Some(1001), reason: "bye".into() });
    assert_eq!(connection.send(Payload::Text("late".into())), Err(NotSent::Closed));
    for number in 0..20 {
        let message = client.next().await.unwrap().unwrap();
        assert_eq!(message, Message::text(format!("message {number}")));
    }
    let close = CloseFrame { code: CloseCode::Away, reason: "bye".into() };
    assert_eq!(client.next().await.unwrap().unwrap(), Message::Close(Some(close)));
    assert!(client.next().await.is_none());
    let answered = Close { code: Some(1001), reason: "bye".into() };
    let Ended::Closed(close) = task.await.unwrap() else { panic!("not closed") };
    assert_eq!(close.code, answered.code);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_the_peer_does_not_answer_ends_in_time() {
    let (connection, task, _client) = pair(Limits::default(), 1 << 16).await;
    tokio::task::yield_now().await;
    connection.close(&Close { code: Some(1001), reason: "".into() });
    let ended = task.await.unwrap();
    assert_eq!(ended, Ended::Lost("it did not answer the close frame in time"));
}

#[tokio::test(start_paused = true)]
async fn a_close_of_the_peer_is_answered_with_its_code_and_reason() {
    let (_, task, mut client) = pair(Limits::default(), 1 << 16).await;
    let close = CloseFrame { code: CloseCode::Library(4001), reason: "enough".into() };
    client.send(Message::Close(Some(close))).await.unwrap();
    let Message::Close(Some(answer)) = client.next().await.unwrap().unwrap() else {
        panic!("no close frame")
    };
    assert_eq!((u16::from(answer.code), answer.reason.as_str()), (4001, "enough"));
    assert!(client.next().await.is_none());
    let closed = Close { code: Some(4001), reason: "enough".into() };
    assert_eq!(task.await.unwrap(), Ended::Closed(closed));
}

#[tokio::test(start_paused = true)]
async fn a_violation_is_answered_with_its_code_after_what_was_sent() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (near, mut far) = duplex(1 << 16);
    let (_, task) = serve(near, Limits { max_message: 100, ..Limits::default() });
    // A masked "hi", then the header of a frame of 101 bytes.
    far.write_all(b"\x81\x82\x00\x00\x00\x00hi\x82\xe5\x00\x00\x00\x00").await.unwrap();
    let mut answer = [0; 8];
    far.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer[..4], b"\x81\x02hi");
    assert_eq!((answer[4], &answer[6..]), (0x88, &1009u16.to_be_bytes()[..]));
    drop(far);
    assert!(matches!(task.await.unwrap(), Ended::Violation(_)));
}

#[tokio::test(start_paused = true)]
async fn an_aborted_connection_ends_at_once() {
    let (connection, task, _client) = pair(Limits::default(), 1 << 16).await;
    tokio::task::yield_now().await;
    connection.abort();
    assert!(matches!(task.await.unwrap(), Ended::Lost(_)));
    assert_eq!(connection.send(Payload::Text("x".into())), Err(NotSent::Closed));
}

/// Counts the writes to the stream.
struct Counting {
    stream: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(cx, data)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_together_are_answered_in_one_write() {
    let (near, far) = duplex(1 << 16);
    let writes = Arc::new(AtomicUsize::new(0));
    let mut client = client(far).await;
    for number in 0..100 {
        client.feed(Message::text(format!("message {number}"))).await.unwrap();
    }
    client.flush().await.unwrap();
    serve(Counting { stream: near, writes: Arc::clone(&writes) }, Limits::default());
    for number in 0..100 {
        let message = client.next().await.unwrap().unwrap();
        assert_eq!(message, Message::text(format!("message {number}")));
    }
    assert_eq!(writes.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_from_another_task_is_written_without_waking_the_reader() {
    let (near, far) = duplex(1 << 16);
    let writes = Arc::new(AtomicUsize::new(0));
    let (connection, _task) =
        serve(Counting { stream: near, writes: Arc::clone(&writes) }, Limits::default());
    let mut client = client(far).await;
    tokio::task::yield_now().await;
    connection.send(Payload::Text("direct".into())).unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 1);
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("direct"));
}

#[tokio::test(start_paused = true)]
async fn a_pong_shows_that_the_peer_is_alive() {
    let (connection, _task, mut client) = pair(Limits::default(), 1 << 16).await;
    assert!(connection.take_alive());
    assert!(!connection.take_alive());
    connection.ping();
    let Message::Ping(_) = client.next().await.unwrap().unwrap() else { panic!("no ping") };
    client.flush().await.unwrap();
    client.send(Message::text("x")).await.unwrap();
    client.next().await.unwrap().unwrap();
    assert!(connection.take_alive());
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_before_a_connection_is_run_leaves_behind_the_answer_to_the_handshake() {
    use tokio::io::AsyncReadExt;
    let (near, mut far) = duplex(1 << 16);
    let answer = Bytes::from("HTTP/1.1 101 ...");
    let connection = Connection::accepted(near, &answer, Limits::default(), Backlog::of_process());
    connection.send(Payload::Text("hi".into())).unwrap();
    connection.close(&Close { code: None, reason: "".into() });
    drop(connection);
    let mut written = Vec::new();
    far.read_to_end(&mut written).await.unwrap();
    assert_eq!(written, b"HTTP/1.1 101 ...\x81\x02hi\x88\x00");
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_the_handshake_leaves_when_nothing_is_sent() {
    use tokio::io::AsyncReadExt;
    let (near, mut far) = duplex(1 << 16);
    let answer = Bytes::from("HTTP/1.1 101 ...");
    let connection = Connection::accepted(near, &answer, Limits::default(), Backlog::of_process());
    let echo = Echo::<DuplexStream>(OnceLock::new());
    let mut running = std::pin::pin!(connection.run(Bytes::new(), &echo));
    assert!(futures_util::poll!(running.as_mut()).is_pending());
    let mut written = vec![0; answer.len()];
    far.read_exact(&mut written).await.unwrap();
    assert_eq!(written, answer);
    drop(far);
    assert!(matches!(running.await, Ended::Lost(_)));
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_the_queue_gets_through_behind_the_answer_to_the_handshake() {
    let (near, far) = duplex(1 << 16);
    let limits = Limits { max_queue: 1000, ..Limits::default() };
    let connection =
        Connection::accepted(near, &Bytes::from("answer"), limits, Backlog::of_process());
    connection.send(Payload::Binary(Bytes::from(vec![1; 50_000]))).unwrap();
    drop(far);
}

/// Sends a small message and one that is larger than the queue.
struct Both(Arc<Connection<DuplexStream>>);

impl Receive for Both {
    fn message(&self, _: Payload) -> Sending {
        assert_eq!(self.0.send(Payload::Text("small".into())), Ok(()));
        assert_eq!(self.0.send(Payload::Binary(Bytes::from(vec![1; 5_000]))), Ok(()));
        Sending::done()
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_task_has_put_off_does_not_make_a_queue_full_whose_socket_is_free() {
    let limits = Limits { max_queue: 1000, ..Limits::default() };
    let (connection, _task, mut receiver) = pair(limits, 1 << 16).await;
    let (near, far) = duplex(1 << 16);
    let mut sender = client(far).await;
    let both = Both(connection);
    let running =
        Connection::new(near, Role::Server, limits, Backlog::of_process()).run(Bytes::new(), &both);
    let exchange = async {
        sender.send(Message::text("go")).await.unwrap();
        assert_eq!(receiver.next().await.unwrap().unwrap(), Message::text("small"));
        assert_eq!(receiver.next().await.unwrap().unwrap().len(), 5_000);
        drop(sender);
    };
    futures_util::join!(running, exchange);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_all_peers_is_bounded_and_the_longest_queue_ends() {
    let backlog = Box::leak(Box::new(Backlog::new()));
    backlog.set_limit(20_000);
    let connect = |backlog| {
        let (near, far) = duplex(100);
        let connection = Connection::new(near, Role::Server, Limits::default(), backlog);
        let echo = Echo(OnceLock::from(Arc::clone(&connection)));
        let run = Arc::clone(&connection);
        #[expect(clippy::disallowed_methods, reason = "no node owns this task")]
        let task = tokio::spawn(async move { run.run(Bytes::new(), &echo).await });
        (connection, task, far)
    };
    let (long, long_task, _long_far) = connect(backlog);
    let (short, short_task, short_far) = connect(backlog);
    let payload = || Payload::Binary(Bytes::from(vec![0; 1000]));
    for _ in 0..12 {
        long.send(payload()).unwrap();
    }
    for _ in 0..7 {
        short.send(payload()).unwrap();
    }
    assert!((17_000..20_000).contains(&backlog.held()), "{} bytes are held", backlog.held());
    // This reaches the limit.
    for _ in 0..2 {
        short.send(payload()).unwrap();
    }
    assert_eq!(long.send(payload()), Err(NotSent::Closed));
    assert!(backlog.held() < 11_000, "{} bytes are held", backlog.held());
    let reason = "it read too slowly when `max-queue-total` was reached";
    assert_eq!(long_task.await.unwrap(), Ended::Lost(reason));
    // The other one is served completely.
    let mut client = client(short_far).await;
    for _ in 0..9 {
        assert_eq!(client.next().await.unwrap().unwrap().len(), 1000);
    }
    assert_eq!(backlog.held(), 0);
    short.close(&Close { code: Some(1000), reason: "".into() });
    drop(client);
    let _ended = short_task.await.unwrap();
}

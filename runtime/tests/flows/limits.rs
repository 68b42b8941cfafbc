//! Limits under load: bounded memory, order, and slow peers that do not delay others.
#![expect(clippy::disallowed_methods, reason = "no node owns the tasks of clients")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    Client, Runtime, broadcaster, echo, listener, set_payload, soon, tab, ws_in, ws_out,
};

const MIB: u64 = 1 << 20;

/// Many times the size of the socket buffers of both sides.
const LONG: usize = 50_000;

fn long_text(number: usize) -> String {
    format!("{number:08}{}", "x".repeat(LONG - 8))
}

fn number_of(text: &str) -> usize {
    text.get(..8).unwrap().parse().unwrap()
}

/// A broadcasting flow with clients that have all connected.
async fn audience(args: &[&str], clients: usize) -> (Runtime, Vec<Client>) {
    // Dropped messages are logged at debug level; the log is not read here.
    let args = [args, &["--log", "info"]].concat();
    let runtime = Runtime::start_with(broadcaster(), &args, &[]).await;
    let mut events = runtime.events().await;
    let mut all = Vec::new();
    for number in 1..=clients {
        all.push(runtime.connect("/ws").await);
        events.status("out", &format!("connected {number}")).await;
    }
    (runtime, all)
}

/// Publishes long texts, each after receiving the previous one.
async fn publish(publisher: &mut Client, count: usize) {
    for number in 0..count {
        publisher.echo(&long_text(number)).await;
    }
}

/// Returns when `writer` has made no progress during many round trips of another client.
async fn stuck(progress: &AtomicUsize, other: &mut Client) {
    let mut last = usize::MAX;
    loop {
        let now = progress.load(Ordering::Relaxed);
        if now == last {
            return;
        }
        last = now;
        for _ in 0..300 {
            other.echo("still here").await;
        }
    }
}

/// Sends long texts without reading; counts the accepted ones.
fn send_only(
    mut client: Client,
    count: usize,
) -> (Arc<AtomicUsize>, tokio::task::JoinHandle<Client>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let task = tokio::spawn(async move {
        for number in 0..count {
            client.0.send(Message::text(long_text(number))).await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
        }
        client
    });
    (taken, task)
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_100_mb_costs_its_queue_and_no_more() {
    for policy in ["disconnect", "drop"] {
        let args = ["--slow-client", policy, "--max-queue", "1048576"];
        let (runtime, mut clients) = audience(&args, 2).await;
        let mut publisher = clients.pop().unwrap();
        publish(&mut publisher, 20).await;
        let before = runtime.memory("VmHWM");
        publish(&mut publisher, 2_000).await;
        let more = runtime.memory("VmHWM") - before;
        assert!(more < 12 * MIB, "{policy}: {more} bytes more");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_read_from_no_more() {
    let runtime = Runtime::start_with(echo(), &["--max-queue", "1048576"], &[]).await;
    let mut bystander = runtime.connect("/ws").await;
    bystander.echo(&long_text(0)).await;
    let before = runtime.memory("VmHWM");
    let (taken, task) = send_only(runtime.connect("/ws").await, 2_000);
    stuck(&taken, &mut bystander).await;
    assert!(!task.is_finished(), "100 MB were taken although no answer was read");
    let more = runtime.memory("VmHWM") - before;
    assert!(more < 12 * MIB, "{more} bytes more");
    task.abort();
}

#[tokio::test]
async fn what_each_sender_pipelines_reaches_everybody_in_its_order() {
    const EACH: usize = 1_000;
    let (_runtime, clients) = audience(&[], 4).await;
    let tasks = clients.into_iter().enumerate().map(|(sender, client)| {
        let (mut sink, mut stream) = client.0.split();
        let write = async move {
            for number in 0..EACH {
                sink.feed(Message::text(format!("{sender} {number}"))).await.unwrap();
            }
            sink.flush().await.unwrap();
            sink
        };
        let read = async move {
            let mut next = [0; 4];
            for _ in 0..4 * EACH {
                let text = stream.next().await.unwrap().unwrap().into_text().unwrap();
                let (sender, number) = text.split_once(' ').unwrap();
                let next = &mut next[sender.parse::<usize>().unwrap()];
                assert_eq!(number.parse::<usize>().unwrap(), *next, "of sender {sender}");
                *next += 1;
            }
            stream
        };
        tokio::spawn(async move { tokio::join!(write, read) })
    });
    // No client disconnects before all have received everything.
    let all = futures_util::future::join_all(tasks.collect::<Vec<_>>());
    for outcome in soon("all messages", all).await {
        drop(outcome.unwrap());
    }
}

#[tokio::test]
async fn one_subscriber_that_reads_nothing_does_not_hold_back_the_others() {
    let (_runtime, mut clients) = audience(&["--slow-client", "drop"], 12).await;
    let _reads_nothing = clients.pop().unwrap();
    let mut publisher = clients.pop().unwrap();
    let readers = clients.into_iter().map(|mut client| {
        tokio::spawn(async move {
            for number in 0..400 {
                assert_eq!(number_of(&client.text().await), number);
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    publish(&mut publisher, 400).await;
    for reader in readers {
        soon("a reader", reader).await.unwrap();
    }
}

#[tokio::test]
async fn with_the_policy_drop_a_slow_client_misses_messages_and_stays() {
    let args = ["--slow-client", "drop", "--max-queue", "200000"];
    let (_runtime, mut clients) = audience(&args, 2).await;
    let mut slow = clients.pop().unwrap();
    let mut publisher = clients.pop().unwrap();
    publish(&mut publisher, 600).await;
    let caught_up = AtomicBool::new(false);
    let go_on = async {
        while !caught_up.load(Ordering::Relaxed) {
            publisher.echo("99999999").await;
        }
    };
    let catch_up = async {
        let mut got = Vec::new();
        loop {
            match number_of(&slow.text().await) {
                99_999_999 => break,
                number => got.push(number),
            }
        }
        caught_up.store(true, Ordering::Relaxed);
        got
    };
    let ((), got) = tokio::join!(go_on, catch_up);
    assert!(got.is_sorted_by(|one, next| one < next), "{got:?}");
    assert!(!got.is_empty() && got.len() < 600, "{} messages", got.len());
}

#[tokio::test]
async fn with_the_policy_wait_nothing_is_lost_and_the_publisher_is_held_back() {
    let args = ["--slow-client", "wait", "--max-queue", "200000"];
    let (runtime, mut clients) = audience(&args, 2).await;
    let mut slow = clients.pop().unwrap();
    let (mut sink, mut answers) = clients.pop().unwrap().0.split();
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let write = tokio::spawn(async move {
        for number in 0..600 {
            sink.send(Message::text(long_text(number))).await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
        }
        sink
    });
    // The publisher reads, so only the other client can slow it down.
    let read = tokio::spawn(async move {
        for _ in 0..600 {
            answers.next().await.unwrap().unwrap();
        }
    });
    while taken.load(Ordering::Relaxed) < 100 {
        runtime.raw("GET /nothing HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n").await;
    }
    let mut last = 0;
    while taken.load(Ordering::Relaxed) > last {
        last = taken.load(Ordering::Relaxed);
        for _ in 0..50 {
            runtime.raw("GET /nothing HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n").await;
        }
    }
    assert!(!write.is_finished() && !read.is_finished(), "neither task waited");
    for number in 0..600 {
        assert_eq!(number_of(&slow.text().await), number);
    }
    drop(soon("the publisher", async { (write.await.unwrap(), read.await.unwrap()) }).await);
}

#[tokio::test]
async fn broadcasts_to_clients_that_read_nothing_are_held_once() {
    let args = ["--max-queue", "64 MiB", "--max-queue-total", "32 MiB"];
    let (runtime, mut clients) = audience(&args, 21).await;
    let mut publisher = clients.pop().unwrap();
    // Each client's queue grows to about 25 MB, the sum of all to 500 MB.
    publish(&mut publisher, 600).await;
    for client in &mut clients {
        for number in 0..600 {
            assert_eq!(number_of(&client.text().await), number);
        }
    }
    let (log, _) = runtime.terminate().await;
    assert!(!log.contains("max-queue-total"), "{log}");
}

#[tokio::test]
async fn the_clients_with_the_longest_queues_are_disconnected_when_all_queues_are_full() {
    // An answer of its own for each client, which is not shared with the others.
    let flow = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["long"]),
        set_payload("long", &long_text(0).repeat(2), "str", &["out"]),
        ws_out("out", "l"),
    ]);
    let args = ["--max-queue", "64 MiB", "--max-queue-total", "16 MiB", "--log", "info"];
    let mut runtime = Runtime::start_with(flow, &args, &[]).await;
    let mut short = runtime.connect("/ws").await;
    short.send("ask").await;
    let mut slow = runtime.connect("/ws").await;
    let asked = async { while slow.0.send(Message::text("ask")).await.is_ok() {} };
    soon("the end of the slow client", asked).await;
    let line = runtime.log_line("`max-queue-total`").await;
    assert!(line.contains("disconnected 1 of them, those with the longest queues"), "{line}");
    assert_eq!(short.text().await.len(), 2 * LONG);
}

//! Several members in one process, on paused time.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrowire_cluster::memory::Hub;
use ferrowire_cluster::{Member, Options};
use ferrowire_core::cluster::{Cluster, Interest, Receiver, Replies, Reply, Responder};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

fn named(instance: &str) -> Options {
    Options { instance: instance.to_owned(), ..Options::default() }
}

/// Members that know each other.
async fn members<const N: usize>(hub: &Hub, names: [&str; N]) -> [Member; N] {
    let members = names.map(|name| hub.join(named(name)));
    settled().await;
    for member in &members {
        assert_eq!(member.others().len(), N - 1);
    }
    members
}

/// Lets all tasks do what they can; life signs take longer.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

struct Inbox(mpsc::Sender<(String, Bytes)>);

impl Receiver for Inbox {
    fn receive(&self, from: &str, message: Bytes) {
        self.0.try_send((from.to_owned(), message)).unwrap();
    }
}

struct Subscribed {
    received: mpsc::Receiver<(String, Bytes)>,
    _interest: Interest,
}

impl Subscribed {
    async fn to(member: &Member, topic: &[&str]) -> Self {
        let (sender, received) = mpsc::channel(1_000);
        let interest = member.subscribe(topic, Arc::new(Inbox(sender)));
        settled().await;
        Subscribed { received, _interest: interest }
    }

    async fn next(&mut self) -> (String, String) {
        let (from, message) = self.received.recv().await.unwrap();
        (from, String::from_utf8(message.to_vec()).unwrap())
    }

    fn is_empty(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

/// Answers with the request and its name, or never.
struct Echo(&'static str);

impl Responder for Echo {
    fn respond(self: Arc<Self>, from: &str, request: Bytes) -> BoxFuture<'static, Vec<u8>> {
        if self.0.is_empty() {
            return Box::pin(std::future::pending());
        }
        let from = from.as_bytes();
        let answer = [self.0.as_bytes(), b" got ", &request[..], b" of ", from].concat();
        Box::pin(std::future::ready(answer))
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_the_others_that_are_interested_in_order_and_does_not_come_back() {
    let hub = Hub::new();
    let [a, b, c] = members(&hub, ["a", "b", "c"]).await;
    let mut at_a = Subscribed::to(&a, &["news", "x"]).await;
    let mut at_b = Subscribed::to(&b, &["news", "x"]).await;
    let mut at_c = Subscribed::to(&c, &["news", "x.y"]).await;
    for n in 0..100 {
        a.publish(&["news", "x"], &[b"number ", n.to_string().as_bytes()]);
    }
    for n in 0..100 {
        assert_eq!(at_b.next().await, ("a".to_owned(), format!("number {n}")));
    }
    settled().await;
    assert!(at_a.is_empty() && at_b.is_empty() && at_c.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_subscribed_only_to_what_somebody_receives() {
    let hub = Hub::new();
    let [a] = members(&hub, ["a"]).await;
    let bare = hub.subjects(&a);
    assert_eq!(bare, ["ferrowire.ferrowire.all", "ferrowire.ferrowire.i.a"]);
    let (one, two) = (Subscribed::to(&a, &["x"]).await, Subscribed::to(&a, &["x"]).await);
    assert_eq!(hub.subjects(&a).len(), 3);
    drop(one);
    settled().await;
    assert_eq!(hub.subjects(&a).len(), 3);
    drop(two);
    settled().await;
    assert_eq!(hub.subjects(&a), bare);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_by_one_or_by_all_and_who_does_not_answer_is_named() {
    let hub = Hub::new();
    let [a, b, c, d] = members(&hub, ["a", "b", "c", "d"]).await;
    let _at_b = b.serve(&["count"], Arc::new(Echo("b")));
    let _at_c = c.serve(&["count"], Arc::new(Echo("")));
    let answer = a.ask("b", &["count"], b"how many").await;
    assert_eq!(answer, Some(Reply::Answer("b got how many of a".into())));
    assert_eq!(a.ask("d", &["count"], b"").await, Some(Reply::Nobody));
    let begin = tokio::time::Instant::now();
    assert_eq!(a.ask("c", &["count"], b"").await, None);
    assert_eq!(begin.elapsed().as_secs(), 2);
    let replies = a.ask_all(&["count"], b"all").await;
    let answers = vec![("b".to_owned(), Bytes::from("b got all of a"))];
    assert_eq!(replies, Replies { answers, missing: vec!["c".to_owned()] });
    drop(d);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_gone_at_once_and_who_dies_after_its_time_to_live() {
    let hub = Hub::new();
    let [a, b, c] = members(&hub, ["a", "b", "c"]).await;
    b.leave().await;
    settled().await;
    assert_eq!(a.others(), ["c"]);
    drop(c);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(a.others(), ["c"]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(a.others().is_empty());
}

#[tokio::test(start_paused = true)]
async fn while_the_cluster_is_away_messages_wait_and_the_others_count_as_not_answering() {
    let hub = Hub::new();
    let [a, b] = members(&hub, ["a", "b"]).await;
    let mut at_b = Subscribed::to(&b, &["x"]).await;
    hub.connect(&a, false);
    settled().await;
    a.publish(&["x"], &[b"meanwhile"]);
    // Much longer than the time to live: nobody could give a life sign.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(a.ask_all(&["count"], b"").await.missing, ["b"]);
    assert_eq!(a.ask("b", &["count"], b"").await, None);
    assert!(at_b.is_empty() && b.others().is_empty());
    hub.connect(&a, true);
    assert_eq!(at_b.next().await.1, "meanwhile");
    settled().await;
    assert_eq!((a.others(), b.others()), (vec!["b".to_owned()], vec!["a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_from_the_start_the_unknown_others_count_as_not_answering() {
    let hub = Hub::new();
    let a = hub.join(named("a"));
    hub.connect(&a, false);
    assert_eq!(a.ask_all(&["count"], b"").await.missing, ["*"]);
}

#[tokio::test(start_paused = true)]
async fn clusters_with_other_names_or_prefixes_do_not_meet() {
    let hub = Hub::new();
    let a = hub.join(named("a"));
    let b = hub.join(Options { cluster: "other".to_owned(), ..named("b") });
    let c = hub.join(Options { prefix: "other".to_owned(), ..named("c") });
    let mut at_b = Subscribed::to(&b, &["x"]).await;
    let mut at_c = Subscribed::to(&c, &["x"]).await;
    a.publish(&["x"], &[b"for a's cluster"]);
    settled().await;
    assert!(at_b.is_empty() && at_c.is_empty());
    assert!(a.others().is_empty() && b.others().is_empty() && c.others().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_of_this_version_is_dropped() {
    let hub = Hub::new();
    let [a, b] = members(&hub, ["a", "b"]).await;
    let mut at_b = Subscribed::to(&b, &["x"]).await;
    for bytes in [&b""[..], b"FW", b"hello", b"FW\x02\x00\x00\x00 of the future"] {
        hub.inject("ferrowire.ferrowire.t.x", Bytes::from_static(bytes));
    }
    a.publish(&["x"], &[b"of today"]);
    assert_eq!(at_b.next().await.1, "of today");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nats_does_not_take_is_dropped_and_later_ones_arrive() {
    let hub = Hub::new();
    let [a, b] = members(&hub, ["a", "b"]).await;
    let mut at_b = Subscribed::to(&b, &["x"]).await;
    a.publish(&["x"], &[&vec![0; 2 * 1024 * 1024]]);
    a.publish(&["x"], &[b"small"]);
    assert_eq!(at_b.next().await.1, "small");
}

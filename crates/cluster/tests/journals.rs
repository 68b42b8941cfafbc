//! Journals of several members in one process, on paused time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ferrowire_cluster::memory::Hub;
use ferrowire_cluster::{Member, Options};
use ferrowire_core::cluster::{
    Appended, Cluster, Follower, Interest, Journal, JournalError, Past, Shape, Told,
};
use tokio::sync::mpsc;

const SHAPE: Shape =
    Shape { messages: 3, age: None, by_key: false, bytes: 1 << 20, at_once: 1 << 16 };

fn member(hub: &Hub, name: &str) -> Member {
    hub.join(Options { instance: name.to_owned(), queue: 2_000, ..Options::default() })
}

fn journal(member: &Member, shape: Shape) -> Arc<dyn Journal> {
    member.journal(&["ws", "l"], shape)
}

async fn append(journal: &Arc<dyn Journal>, key: &str, text: &str) -> Appended {
    journal.append(&["room", "r"], key, &[text.as_bytes()]).unwrap().await.unwrap()
}

struct Heard {
    told: mpsc::Receiver<Told>,
    /// So many things are not taken.
    refusals: Arc<AtomicUsize>,
    _interest: Interest,
}

struct Ear(mpsc::Sender<Told>, Arc<AtomicUsize>);

impl Follower for Ear {
    fn tell(&self, told: Told) -> bool {
        let less = |left: usize| left.checked_sub(1);
        if self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return false;
        }
        self.0.try_send(told).is_ok()
    }
}

impl Heard {
    fn of(journal: &Arc<dyn Journal>) -> Self {
        let ((sender, told), refusals) = (mpsc::channel(1_000), Arc::default());
        let ear = Box::new(Ear(sender, Arc::clone(&refusals)));
        Heard { told, refusals, _interest: journal.follow(&["room", "r"], ear) }
    }

    async fn past(&mut self) -> Past {
        match self.told.recv().await.unwrap() {
            Told::Past(past) => past,
            other => panic!("{other:?}"),
        }
    }

    /// The text of the next message, its number and the one before it.
    async fn entry(&mut self) -> (String, u64, u64) {
        match self.told.recv().await.unwrap() {
            Told::Entry(entry) => {
                let text = String::from_utf8(entry.message.to_vec()).unwrap();
                (text, entry.sequence, entry.previous)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn text(&mut self) -> String {
        self.entry().await.0
    }

    fn is_empty(&mut self) -> bool {
        self.told.try_recv().is_err()
    }
}

fn texts(past: &Past) -> Vec<String> {
    let text = |message: &[u8]| String::from_utf8(message.to_vec()).unwrap();
    past.entries.iter().map(|entry| text(&entry.message)).collect()
}

#[tokio::test(start_paused = true)]
async fn all_instances_hear_the_same_messages_with_the_same_numbers_the_sender_too() {
    let hub = Hub::new();
    let (a, b) = (member(&hub, "a"), member(&hub, "b"));
    let (at_a, at_b) = (journal(&a, SHAPE), journal(&b, SHAPE));
    let (mut here, mut there) = (Heard::of(&at_a), Heard::of(&at_b));
    let (first, second) = (here.past().await, there.past().await);
    assert_eq!((&first.epoch, &first.entries), (&second.epoch, &vec![]));
    for number in 0..10 {
        let journal = if number % 2 == 0 { &at_a } else { &at_b };
        assert_eq!(append(journal, "", &number.to_string()).await, Appended::Kept);
    }
    for number in 0..10 {
        let entry = here.entry().await;
        assert_eq!(entry.0, number.to_string());
        assert_eq!(there.entry().await, entry);
    }
}

#[tokio::test(start_paused = true)]
async fn who_follows_later_gets_the_newest_and_knows_from_where_on_they_are_complete() {
    let hub = Hub::new();
    let a = member(&hub, "a");
    let journal = journal(&a, SHAPE);
    let start = Heard::of(&journal).past().await;
    for text in ["1", "2"] {
        append(&journal, "", text).await;
    }
    let past = Heard::of(&journal).past().await;
    assert_eq!(texts(&past), ["1", "2"]);
    assert!(past.lost <= start.last, "nothing is lost since the start");
    for text in ["3", "4", "5"] {
        append(&journal, "", text).await;
    }
    let later = Heard::of(&journal).past().await;
    assert_eq!(texts(&later), ["2", "3", "4", "5"], "one more than asked for");
    assert!(later.lost > start.last, "`1` is gone");
    assert!(later.lost <= past.entries[0].sequence, "who has `1` misses nothing");
    // Elsewhere: a quiet place stays complete.
    let (sender, mut told) = mpsc::channel(1);
    let _interest = journal.follow(&["all"], Box::new(Ear(sender, Arc::default())));
    let Some(Told::Past(quiet)) = told.recv().await else { panic!("no past") };
    assert!(quiet.lost <= start.last, "{quiet:?}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_by_itself_is_noticed_and_read() {
    let hub = Hub::new();
    let a = member(&hub, "a");
    let journal = journal(&a, SHAPE);
    let mut heard = Heard::of(&journal);
    heard.past().await;
    append(&journal, "", "0").await;
    assert_eq!(heard.text().await, "0");
    hub.lose_arrivals(2);
    for text in ["1", "2"] {
        append(&journal, "", text).await;
    }
    assert!(heard.is_empty());
    append(&journal, "", "3").await;
    for text in ["1", "2", "3"] {
        assert_eq!(heard.text().await, text);
    }
    // Who has no room is told later.
    heard.refusals.store(3, Ordering::Relaxed);
    for text in ["4", "5"] {
        append(&journal, "", text).await;
    }
    for text in ["4", "5"] {
        assert_eq!(heard.text().await, text);
    }
    // More than are kept: the gap shows.
    hub.lose_arrivals(6);
    for text in ["6", "7", "8", "9", "10", "11", "12"] {
        append(&journal, "", text).await;
    }
    let (text, sequence, previous) = heard.entry().await;
    assert_eq!((text.as_str(), previous), ("9", sequence - 1));
    for text in ["10", "11", "12"] {
        assert_eq!(heard.text().await, text);
    }
    assert!(heard.is_empty());
}

#[tokio::test(start_paused = true)]
async fn while_the_cluster_is_away_messages_wait_up_to_the_bound_and_arrive_in_order_then() {
    let hub = Hub::new();
    let (a, b) = (member(&hub, "a"), member(&hub, "b"));
    let (at_a, at_b) = (journal(&a, SHAPE), journal(&b, SHAPE));
    let (mut here, mut there) = (Heard::of(&at_a), Heard::of(&at_b));
    let (_, _) = (here.past().await, there.past().await);
    hub.connect(&a, false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    append(&at_b, "", "b").await;
    let mut count = 0;
    let full = loop {
        match at_a.append(&["room", "r"], "", &[count.to_string().as_bytes()]) {
            Ok(outcome) => assert_eq!(outcome.await, Ok(Appended::Waits)),
            Err(error) => break error,
        }
        count += 1;
    };
    assert_eq!(full, JournalError::Full(2_000));
    assert!(count > 5, "{count}");
    assert_eq!(there.text().await, "b");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(here.is_empty() && there.is_empty());
    hub.connect(&a, true);
    for number in 0..count {
        assert_eq!(there.text().await, number.to_string());
    }
    // What came while it was away comes first; of that which is not kept any more, nothing.
    let mut heard = vec![here.text().await];
    while heard.last().unwrap() != &(count - 1).to_string() {
        heard.push(here.text().await);
    }
    assert!(heard.is_sorted_by_key(|text| text.parse().unwrap_or(-1)), "{heard:?}");
    assert_eq!(append(&at_a, "", "next").await, Appended::Kept);
    assert_eq!(here.text().await, "next");
}

#[tokio::test(start_paused = true)]
async fn of_each_key_the_newest_is_kept_and_what_was_replaced_is_not_lost() {
    let hub = Hub::new();
    let a = member(&hub, "a");
    let journal = journal(&a, Shape { by_key: true, messages: 2, ..SHAPE });
    let start = Heard::of(&journal).past().await;
    for number in 0..20 {
        append(&journal, "often", &number.to_string()).await;
    }
    append(&journal, "once .*", "1").await;
    let past = Heard::of(&journal).past().await;
    assert_eq!(texts(&past), ["19", "1"]);
    assert!(past.lost <= start.last.max(1), "{past:?}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_deleted_is_another_one() {
    let hub = Hub::new();
    let a = member(&hub, "a");
    let journal = journal(&a, SHAPE);
    let mut heard = Heard::of(&journal);
    let first = heard.past().await;
    append(&journal, "", "1").await;
    assert_eq!(heard.text().await, "1");
    hub.lose_journals();
    append(&journal, "", "2").await;
    let second = heard.past().await;
    assert_ne!(first.epoch, second.epoch);
    let mut known = texts(&second);
    if known.is_empty() {
        known.push(heard.text().await);
    }
    assert_eq!(known, ["2"]);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_used_says_why_and_nothing_waits_for_it() {
    let hub = Hub::new();
    hub.refuse_journals("no JetStream");
    let a = member(&hub, "a");
    let journal = journal(&a, SHAPE);
    let mut heard = Heard::of(&journal);
    let early = journal.append(&["all"], "", &[b"1"]).unwrap();
    let why = JournalError::Unusable("no JetStream".to_owned());
    assert_eq!(early.await, Err(why.clone()));
    assert_eq!(heard.told.recv().await, Some(Told::Unusable("no JetStream".to_owned())));
    assert_eq!(journal.append(&["all"], "", &[b"1"]).err(), Some(why));
    let large = vec![0; 2 << 20];
    let (fresh, place) = (member(&Hub::new(), "b"), ["all"]);
    let journal = fresh.journal(&["x"], SHAPE);
    let Err(JournalError::Refused(text)) = journal.append(&place, "", &[&large]) else {
        panic!("too large")
    };
    assert!(text.contains("raise `max_payload`"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_leaves_writes_what_waits() {
    let hub = Hub::new();
    let (a, b) = (member(&hub, "a"), member(&hub, "b"));
    let at_b = journal(&b, SHAPE);
    let mut there = Heard::of(&at_b);
    there.past().await;
    let at_a = journal(&a, SHAPE);
    let _waits = at_a.append(&["room", "r"], "", &[b"last words"]).unwrap();
    drop(at_a);
    a.leave().await;
    assert_eq!(there.text().await, "last words");
}

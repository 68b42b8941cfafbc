//! Stores of several instances over one bucket, on paused time.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use ferrowire_cluster::memory::Hub;
use ferrowire_cluster::{Member, Options};
use ferrowire_context::{SharedOptions, SharedStore};
use ferrowire_core::cluster::{Cluster, Write};
use ferrowire_core::{Atomic, ContextStore, PropertyPath, Value};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

fn path(key: &str) -> PropertyPath {
    PropertyPath::parse_key(key).unwrap()
}

/// An instance with a store.
struct Instance {
    member: Member,
    store: Arc<SharedStore>,
    end: CancellationToken,
    running: JoinSet<()>,
}

impl Instance {
    async fn begin(hub: &Hub, queue: usize) -> Self {
        let member = hub.join(Options::default());
        let options =
            SharedOptions { name: "shared".to_owned(), queue, timeout: Duration::from_secs(2) };
        let store = SharedStore::new(options, member.bucket(&["context", "shared"]));
        let end = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(Arc::clone(&store).run(end.clone()));
        store.first().await.unwrap();
        Instance { member, store, end, running }
    }

    fn get(&self, key: &str) -> Option<Value> {
        self.store.get("global", &path(key))
    }

    fn set(&self, key: &str, value: impl Into<Value>) {
        self.store.set("global", &path(key), Some(value.into())).unwrap();
    }

    async fn end(self) {
        self.end.cancel();
        self.running.join_all().await;
    }
}

/// Lets all tasks do what they can.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn values_reach_all_instances_outlive_them_and_are_removed_everywhere() {
    let hub = Hub::new();
    let (a, b) = (Instance::begin(&hub, 100_000).await, Instance::begin(&hub, 100_000).await);
    a.set("x.y", 1);
    assert_eq!((a.get("x.y"), b.get("x.y")), (Some(1.into()), None), "at once here");
    settled().await;
    assert_eq!(b.get("x.y"), Some(1.into()));
    b.set("x.z", "ä");
    settled().await;
    assert_eq!((a.get("x.y"), a.get("x.z")), (Some(1.into()), Some("ä".into())));
    a.set("last", true);
    a.end().await;
    b.end().await;
    let late = Instance::begin(&hub, 100_000).await;
    assert_eq!(late.get("last"), Some(true.into()));
    let other = Instance::begin(&hub, 100_000).await;
    late.store.set("global", &path("x.y"), None).unwrap();
    late.store.set("global", &path("last"), None).unwrap();
    settled().await;
    assert_eq!((other.get("x.y"), other.get("x.z")), (None, Some("ä".into())));
    let keys = other.store.keys("global");
    assert_eq!(keys.iter().map(|key| key.as_str()).collect::<Vec<_>>(), ["x"]);
}

#[tokio::test(start_paused = true)]
async fn while_the_cluster_is_away_reads_go_on_and_changes_wait_and_at_the_bound_they_fail() {
    let hub = Hub::new();
    let (a, b) = (Instance::begin(&hub, 2_000).await, Instance::begin(&hub, 2_000).await);
    a.set("before", 1);
    settled().await;
    hub.connect(&a.member, false);
    settled().await;
    a.set("before", 2);
    a.set("text", "x".repeat(1_000));
    let written = a.store.written("global", &path("text")).unwrap();
    assert_eq!((a.get("before"), b.get("before")), (Some(2.into()), Some(1.into())));
    let refused = a.store.set("global", &path("more"), Some("y".repeat(1_000).into()));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("more than `cluster-queue` (2000 bytes) wait"), "{refused}");
    assert_eq!(a.get("more"), None, "what failed changes nothing");
    let dependent = a.store.change("global", &path("n"), Atomic::Add(1.0)).await;
    assert_eq!(dependent.unwrap_err().to_string(), "the cluster cannot be reached");
    b.set("of_b", 5);
    settled().await;
    hub.connect(&a.member, true);
    written.await.unwrap();
    assert!(a.store.written("global", &path("text")).is_none());
    settled().await;
    assert_eq!((b.get("before"), a.get("of_b")), (Some(2.into()), Some(5.into())));
    assert!(b.get("text").is_some());
}

#[tokio::test(start_paused = true)]
async fn the_last_write_wins_at_all_instances() {
    let hub = Hub::new();
    let (a, b) = (Instance::begin(&hub, 100_000).await, Instance::begin(&hub, 100_000).await);
    for round in 0..50 {
        a.set("n", round);
        b.set("n", 1_000 + round);
        if round % 7 == 0 {
            settled().await;
        }
    }
    settled().await;
    assert!(a.get("n").is_some());
    assert_eq!(a.get("n"), b.get("n"));
}

#[tokio::test(start_paused = true)]
async fn additions_of_all_instances_count_and_one_of_two_comparisons_wins() {
    let hub = Hub::new();
    let instances = [Instance::begin(&hub, 100_000).await, Instance::begin(&hub, 100_000).await];
    let adds = (0..100).map(|at| {
        let instance = &instances[at % 2];
        instance.store.change("global", &path("sums.a"), Atomic::Add(1.0))
    });
    let sums = futures_util::future::join_all(adds).await;
    let mut sums: Vec<f64> = sums.into_iter().map(|sum| sum.unwrap().as_f64().unwrap()).collect();
    sums.sort_by(f64::total_cmp);
    assert_eq!(sums, (1..=100).map(f64::from).collect::<Vec<_>>());
    settled().await;
    assert_eq!(instances[1].get("sums.a"), Some(100.into()));
    let swap = |at: usize| {
        let change = Atomic::CompareAndSet(None, Some((at as f64).into()));
        instances[at].store.change("global", &path("owner"), change)
    };
    let (first, second) = tokio::join!(swap(0), swap(1));
    assert_ne!(first.unwrap(), second.unwrap());
    // An own change that waits comes first.
    instances[0].set("sums.a", 7);
    let sum = instances[0].store.change("global", &path("sums.a"), Atomic::Add(1.0)).await;
    assert_eq!(sum.unwrap(), 8.into());
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_kept_fails_at_once_and_changes_nothing() {
    let hub = Hub::new();
    let a = Instance::begin(&hub, 10_000_000).await;
    a.set("x", 1);
    let too_large = a.store.set("global", &path("x"), Some("x".repeat(1 << 20).into()));
    let text = too_large.unwrap_err().to_string();
    assert!(text.contains("the value has 1048578 bytes as JSON, NATS takes 1048576"), "{text}");
    let too_long = a.store.set("global", &path(&"k".repeat(2_000)), Some(1.into()));
    assert!(too_long.unwrap_err().to_string().contains("longer than 1024 bytes"));
    let big = Value::from(ferrowire_core::BigInt::from(5_i64));
    let big = a.store.set("global", &path("x"), Some(big));
    assert!(big.unwrap_err().to_string().contains("BigInt"));
    assert_eq!(a.get("x"), Some(1.into()));
}

#[tokio::test(start_paused = true)]
async fn only_places_that_flows_of_this_instance_have_used_are_removed_with_them() {
    let hub = Hub::new();
    let (a, b) = (Instance::begin(&hub, 100_000).await, Instance::begin(&hub, 100_000).await);
    a.store.set("old flow", &path("x"), Some(1.into())).unwrap();
    settled().await;
    b.store.retain(&|place| place == "old flow");
    a.store.set("new flow", &path("x"), Some(1.into())).unwrap();
    settled().await;
    // `b` has not heard of the new flow yet.
    b.store.retain(&|place| place == "global");
    settled().await;
    assert_eq!(a.store.get("old flow", &path("x")), None);
    assert_eq!(a.store.get("new flow", &path("x")), Some(1.into()));
}

#[tokio::test(start_paused = true)]
async fn after_the_loss_of_a_bucket_its_values_are_gone_and_new_ones_count() {
    let hub = Hub::new();
    let (a, b) = (Instance::begin(&hub, 100_000).await, Instance::begin(&hub, 100_000).await);
    for number in 0..10 {
        a.set("x", number);
        settled().await;
    }
    hub.lose_buckets();
    for instance in [&a, &b] {
        hub.connect(&instance.member, false);
    }
    settled().await;
    b.set("y", 1);
    for instance in [&a, &b] {
        hub.connect(&instance.member, true);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((a.get("x"), b.get("x"), a.get("y")), (None, None, Some(1.into())));
    b.set("x", 2);
    settled().await;
    assert_eq!(a.get("x"), Some(2.into()));
}

#[tokio::test(start_paused = true)]
async fn what_another_program_writes_that_is_no_json_is_ignored() {
    let hub = Hub::new();
    let a = Instance::begin(&hub, 100_000).await;
    let bucket = a.member.bucket(&["context", "shared"]);
    bucket.write(&["global", "x"], Write::of(Some("{".into()))).await.unwrap();
    bucket.write(&["global", "y"], Write::of(Some("2".into()))).await.unwrap();
    settled().await;
    assert_eq!((a.get("x"), a.get("y")), (None, Some(2.into())));
}

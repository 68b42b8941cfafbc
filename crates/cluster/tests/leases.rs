//! Parts that one of several members has, on paused time.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use bytes::Bytes;
use ferrowire_cluster::memory::Hub;
use ferrowire_cluster::{Member, Options};
use ferrowire_core::cluster::{Cluster, Holding, Lease};
use tokio::time::Instant;

fn join(hub: &Hub, instance: &str) -> Member {
    hub.join(Options { instance: instance.to_owned(), ..Options::default() })
}

async fn settled() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

/// Waits until this instance has the lease.
async fn got(lease: &dyn Lease) {
    lease.holding().wait_for(|holding| *holding == Holding::Here).await.unwrap();
}

fn here(leases: &[Box<dyn Lease>]) -> Vec<usize> {
    let held = |lease: &dyn Lease| *lease.holding().borrow() == Holding::Here;
    leases.iter().enumerate().filter(|(_, lease)| held(&***lease)).map(|(at, _)| at).collect()
}

#[tokio::test(start_paused = true)]
async fn one_has_it_and_a_clean_end_hands_it_over_at_once_with_its_mark() {
    let hub = Hub::new();
    let members = ["a", "b", "c"].map(|name| join(&hub, name));
    let mut leases: Vec<_> = members.iter().map(|it| it.lease(&["inject", "n"])).collect();
    settled().await;
    let holders = here(&leases);
    assert_eq!(holders.len(), 1);
    let first = holders[0];
    for lease in &leases {
        assert_eq!(lease.note(Bytes::from("5")).await, *lease.holding().borrow() == Holding::Here);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(here(&leases), holders, "it stays where it is");
    drop(leases.remove(first));
    let begin = Instant::now();
    members[first].leave().await;
    settled().await;
    assert_eq!(here(&leases).len(), 1);
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(leases.iter().all(|lease| lease.mark() == Some(Bytes::from("5"))));
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_has_lost_it_before_another_one_gets_it() {
    let hub = Hub::new();
    let (a, b) = (join(&hub, "a"), join(&hub, "b"));
    let of_a = a.lease(&["x"]);
    got(&*of_a).await;
    let of_b = b.lease(&["x"]);
    settled().await;
    assert_eq!(*of_b.holding().borrow(), Holding::Elsewhere);
    hub.connect(&a, false);
    let cut = Instant::now();
    let lost = async {
        of_a.holding().wait_for(|holding| *holding != Holding::Here).await.unwrap();
        cut.elapsed()
    };
    let taken = async {
        got(&*of_b).await;
        cut.elapsed()
    };
    let (lost, taken) = tokio::join!(lost, taken);
    assert!(lost < taken && lost > Duration::from_secs(2), "{lost:?} {taken:?}");
    assert!(taken < Duration::from_secs(12), "{taken:?}");
    assert!(!of_a.note(Bytes::from("late")).await);
    hub.connect(&a, true);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(*of_a.holding().borrow(), Holding::Elsewhere);
    assert!(of_b.note(Bytes::from("b")).await && !of_a.note(Bytes::from("a")).await);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_restarted_keeps_it_and_one_that_is_gone_leaves_it_to_others() {
    let hub = Hub::new();
    let (a, b) = (join(&hub, "a"), join(&hub, "b"));
    let of_a = a.lease(&["x"]);
    got(&*of_a).await;
    let of_b = b.lease(&["x"]);
    for _ in 0..20 {
        settled().await;
    }
    drop(of_a);
    tokio::time::sleep(Duration::from_millis(900)).await;
    let of_a = a.lease(&["x"]);
    assert_eq!(*of_a.holding().borrow(), Holding::Here);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(*of_a.holding().borrow(), Holding::Here);
    drop(of_a);
    let begin = Instant::now();
    got(&*of_b).await;
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_of_all_one_has_it_again_and_marks_survive_a_loss_of_the_bucket() {
    let hub = Hub::new();
    let members = [join(&hub, "a"), join(&hub, "b")];
    let leases: Vec<_> = members.iter().map(|it| it.lease(&["x"])).collect();
    settled().await;
    assert!(leases[here(&leases)[0]].note(Bytes::from("7")).await);
    settled().await;
    members.iter().for_each(|it| hub.connect(it, false));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(here(&leases), Vec::<usize>::new(), "nobody can know");
    hub.lose_buckets();
    members.iter().for_each(|it| hub.connect(it, true));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(here(&leases).len(), 1);
    assert_eq!(leases[here(&leases)[0]].mark(), Some(Bytes::from("7")));
}

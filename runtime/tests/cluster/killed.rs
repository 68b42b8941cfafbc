//! Instances that are killed, one after the other, behind HAProxy.

use std::time::Duration;

use serde_json::json;

use crate::nats::{Nats, Storage};
use crate::readers::flows;
use crate::rolling::{free_address, haproxy};
use crate::support::Runtime;
use crate::traffic::Traffic;

/// The clients, in rooms with the same number each.
const CLIENTS: usize = 3_000;
const ROOMS: usize = 30;

const KILLS: usize = 10;

/// How often a number is sent to each room.
const PACE: Duration = Duration::from_millis(250);

async fn start(nats: &Nats, name: &str, address: &str) -> Runtime {
    let url = nats.url();
    let of_cluster = ["--cluster", &url, "--instance-name", name, "--cluster-ttl", "2"];
    let arguments = [&["--listen", address, "--log", "info"], &of_cluster[..]].concat();
    let mut runtime = Runtime::begin(flows(json!({"history": "100000"})), &arguments);
    runtime.log_line("listening on http").await;
    runtime.log_line("by NATS").await;
    runtime
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_get_each_acknowledged_message_once_in_order_while_instances_are_killed() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let (addresses, public) = ([(); 3].map(|()| free_address()), free_address());
    let mut instances = Vec::new();
    for (name, address) in addresses.iter().enumerate() {
        instances.push(start(&nats, &name.to_string(), address).await);
    }
    let folder = tempfile::tempdir().unwrap();
    let _haproxy = haproxy(folder.path(), &public, &addresses);
    let traffic = Traffic::begin(&[&public], (ROOMS, CLIENTS), Some(PACE)).await;
    traffic.more(10).await;
    for kill in 0..KILLS {
        let at = kill % instances.len();
        instances[at].signal("-KILL");
        instances[at].ended().await;
        traffic.more(10).await;
        instances[at] = start(&nats, &at.to_string(), &addresses[at]).await;
    }
    traffic.more(10).await;
    let connects = traffic.end().await;
    // Each kill met a third of the clients or more, but the first instance twice before others came back.
    assert!(connects >= CLIENTS * 3, "{connects}");
}

//! Nodes that run on one instance of a cluster.

use serde_json::{Value, json};

use crate::nats::{Nats, Storage};
use crate::support::{Client, Runtime, listener, node, soon, tab, ws_out};

/// An instance whose node injects its name, to clients of whatever instance.
async fn begin(nats: &Nats, name: &str) -> Runtime {
    let properties = json!({
        "repeat": "0.2", "cluster": "once", "once": true, "onceDelay": "0.1",
        "props": [{"p": "payload"}], "payload": "INSTANCE", "payloadType": "env",
    });
    let flow = json!([
        tab("tab"),
        listener("l", "/ticks"),
        node("tick", "inject", properties, &["out"]),
        ws_out("out", "l"),
    ]);
    let url = nats.url();
    let arguments = ["--cluster", &url, "--instance-name", name, "--cluster-ttl", "4"];
    Runtime::start_with(flow, &arguments, &[("INSTANCE", name)]).await
}

/// Waits until an instance injects, which another one may have done before.
async fn from(client: &mut Client, name: &str) {
    let find = async { while client.text().await != name {} };
    soon(name, find).await;
}

#[tokio::test]
async fn one_of_three_injects_and_when_it_is_killed_or_stops_another_one_does() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let mut a = begin(&nats, "a").await;
    a.log_line("this instance has `inject tick`, which runs once in the cluster").await;
    let b = begin(&nats, "b").await;
    let c = begin(&nats, "c").await;
    let mut watcher = c.connect("/ticks").await;
    for _ in 0..10 {
        assert_eq!(watcher.text().await, "a");
    }
    a.signal("-KILL");
    drop(a);
    let next = async {
        loop {
            let name = watcher.text().await;
            if name != "a" {
                return name;
            }
        }
    };
    let next = soon("another instance", next).await;
    for _ in 0..10 {
        assert_eq!(watcher.text().await, next);
    }
    let (stopping, staying) = if next == "b" { (b, c) } else { (c, b) };
    let mut watcher = staying.connect("/ticks").await;
    assert_eq!(watcher.text().await, next);
    stopping.terminate().await;
    from(&mut watcher, if next == "b" { "c" } else { "b" }).await;
    let page = staying.raw("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let page = page.await;
    assert!(page.contains("ferrowire_cluster_leases 1"), "{page}");
}

#[tokio::test]
async fn an_instance_that_hangs_injects_nothing_more_when_it_goes_on() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let a = begin(&nats, "a").await;
    let mut of_a = a.connect("/ticks").await;
    assert_eq!(of_a.text().await, "a");
    let b = begin(&nats, "b").await;
    let mut watcher = b.connect("/ticks").await;
    from(&mut watcher, "a").await;
    a.signal("-STOP");
    from(&mut watcher, "b").await;
    a.signal("-CONT");
    let mut names = Vec::new();
    for _ in 0..20 {
        names.push(watcher.text().await);
    }
    // It may have noted one before it was stopped, and have sent it only now.
    assert!(names.iter().filter(|name| *name == "a").count() <= 1, "{names:?}");
}

#[tokio::test]
async fn without_a_cluster_it_injects_and_without_jetstream_nobody_does_and_one_line_says_why() {
    let flow: Value = json!([
        tab("tab"),
        listener("l", "/ticks"),
        node(
            "tick",
            "inject",
            json!({"repeat": "0.1", "cluster": "once", "payload": "x",
            "payloadType": "str", "props": [{"p": "payload"}]}),
            &["out"]
        ),
        ws_out("out", "l"),
    ]);
    let alone = Runtime::start(flow).await;
    assert_eq!(alone.connect("/ticks").await.text().await, "x");
    let nats = Nats::start().await;
    let mut a = begin(&nats, "a").await;
    a.log_line("what is to run once in the cluster does not run here: NATS has no JetStream").await;
}

//! `inject` on one instance of a cluster.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use ferrowire_cluster::memory::Hub;
use ferrowire_cluster::{Member, Options};
use ferrowire_plugin_inject as _;
use ferrowire_testkit::{Harness, json};
use serde_json::Value as Json;
use tokio::time::Instant;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An instance with the node.
struct Instance {
    member: Arc<Member>,
    node: Harness,
}

impl Instance {
    async fn begin(hub: &Hub, name: &str, timing: &Json) -> Self {
        let member = hub.join(Options { instance: name.to_owned(), ..Options::default() });
        Self::begin_in(Arc::new(member), timing).await
    }

    /// Begins the node again, as a deploy does.
    async fn again(self, timing: &Json) -> Self {
        let member = Arc::clone(&self.member);
        self.end().await;
        Self::begin_in(member, timing).await
    }

    async fn begin_in(member: Arc<Member>, timing: &Json) -> Self {
        let mut config = json!({"payload": "tick", "payloadType": "str", "cluster": "once"});
        for (name, value) in timing.as_object().unwrap() {
            config[name] = value.clone();
        }
        let node = Harness::of("inject").config(config).patience(DAY);
        let node = node.cluster(Arc::clone(&member) as _).start().await;
        Instance { member, node }
    }

    /// Ends the node, which has injected nothing else.
    async fn end(self) {
        assert!(self.node.stop().await.outputs[0].is_empty());
    }
}

/// Waits until some have injected, and returns the seconds.
async fn times(node: &mut Harness, begin: Instant, count: usize) -> Vec<f64> {
    let mut times = Vec::new();
    for _ in 0..count {
        node.next_output(0).await;
        times.push((begin.elapsed().as_secs_f64() * 10.0).round() / 10.0);
    }
    times
}

#[tokio::test(start_paused = true)]
async fn one_instance_injects_at_the_interval_and_another_one_goes_on_in_its_rhythm() {
    let hub = Hub::new();
    let begin = Instant::now();
    let timing = json!({"repeat": "10"});
    let mut a = Instance::begin(&hub, "a", &timing).await;
    let mut b = Instance::begin(&hub, "b", &timing).await;
    assert_eq!(times(&mut a.node, begin, 3).await, [10.0, 20.0, 30.0]);
    // Its turn comes a little later, in the middle of a period.
    a.end().await;
    assert_eq!(times(&mut b.node, begin, 3).await, [40.0, 50.0, 60.0]);
    b.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_was_cut_off_does_not_inject_and_nothing_comes_twice_in_a_period() {
    let hub = Hub::new();
    let timing = json!({"repeat": "1"});
    let mut a = Instance::begin(&hub, "a", &timing).await;
    times(&mut a.node, Instant::now(), 1).await;
    let mut b = Instance::begin(&hub, "b", &timing).await;
    hub.connect(&a.member, false);
    let begin = Instant::now();
    let first = times(&mut b.node, begin, 1).await[0];
    assert!((6.0..12.0).contains(&first), "after the time to live: {first}");
    hub.connect(&a.member, true);
    let next = times(&mut b.node, begin, 20).await;
    assert!(next.windows(2).all(|pair| pair[1] - pair[0] > 0.9), "{next:?}");
    a.end().await;
    b.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_message_of_the_start_comes_from_one_instance_and_again_only_with_its_restart() {
    let hub = Hub::new();
    let timing = json!({"once": true, "repeat": ""});
    let mut a = Instance::begin(&hub, "a", &timing).await;
    times(&mut a.node, Instant::now(), 1).await;
    let mut b = Instance::begin(&hub, "b", &timing).await;
    b.node.wait(Duration::from_secs(60)).await;
    let mut a = a.again(&timing).await;
    times(&mut a.node, Instant::now(), 1).await;
    hub.connect(&a.member, false);
    b.node.wait(Duration::from_secs(60)).await;
    let b = b.again(&timing).await;
    a.end().await;
    drop(b.node.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_cron_time_is_injected_once_also_if_its_instance_is_gone_just_then() {
    let hub = Hub::new();
    let timing = json!({"crontab": "* * * * *"});
    let mut a = Instance::begin(&hub, "a", &timing).await;
    let mut b = Instance::begin(&hub, "b", &timing).await;
    times(&mut a.node, Instant::now(), 3).await;
    // Cut off just before the next time, which the other one makes up for after the time to live.
    tokio::time::sleep(Duration::from_secs(59)).await;
    hub.connect(&a.member, false);
    let begin = Instant::now();
    let made_up = times(&mut b.node, begin, 1).await[0];
    assert!((1.0..12.0).contains(&made_up), "{made_up}");
    let next = times(&mut b.node, begin, 2).await;
    assert!(
        next[0] - made_up > 45.0 && (next[1] - next[0] - 60.0).abs() < 1.0,
        "{made_up} {next:?}"
    );
    a.end().await;
    b.end().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_cluster_is_away_nobody_injects_and_without_one_the_property_has_no_effect() {
    let hub = Hub::new();
    let mut a = Instance::begin(&hub, "a", &json!({"repeat": "1"})).await;
    times(&mut a.node, Instant::now(), 2).await;
    hub.connect(&a.member, false);
    a.node.wait(Duration::from_secs(60)).await;
    a.end().await;
    let config = json!({"repeat": "1", "cluster": "once", "once": true});
    let mut alone = Harness::of("inject").config(config).patience(DAY).start().await;
    assert_eq!(times(&mut alone, Instant::now(), 3).await, [0.1, 1.1, 2.1]);
    alone.stop().await;
}

//! Which nodes each type of deploy restarts, and which go on.

use std::cell::RefCell;
use std::io;

use crate::support::{Bench, file, start};
use ferrowire_core::{Message, StopReason};
use ferrowire_engine::{DeployType, Event, Severity};
use serde_json::{Value as Json, json};

/// A chain of three nodes, two endpoints with one node each, and a node without wires.
fn flows() -> Json {
    json!([
        {"id": "l", "type": "listener", "z": "", "path": "/l"},
        {"id": "m", "type": "client", "z": ""},
        {"id": "a", "type": "probe", "x": 1, "wires": [["b"]]},
        {"id": "b", "type": "probe", "wires": [["c"]]},
        {"id": "c", "type": "probe"},
        {"id": "i", "type": "in", "server": "l", "wires": [["o"]]},
        {"id": "o", "type": "out", "client": "m"},
        {"id": "far", "type": "probe"},
    ])
}

const ALL: [&str; 8] = ["a", "b", "c", "far", "i", "l", "m", "o"];

fn with(id: &str, property: &str, value: impl Into<Json>) -> Json {
    let mut flows = flows();
    let node = flows.as_array_mut().unwrap().iter_mut().find(|node| node["id"] == id).unwrap();
    node[property] = value.into();
    flows
}

fn without(id: &str) -> Json {
    flows().as_array().unwrap().iter().filter(|node| node["id"] != id).cloned().collect()
}

impl Bench {
    async fn deploy(&self, nodes: Json, how: DeployType) {
        self.journal.take();
        self.engine.deploy(file(nodes), how).await.unwrap();
    }

    fn ids(&self, what: &str) -> Vec<String> {
        let lines = self.journal.lines();
        let lines = lines.iter().filter(|line| line.starts_with(what));
        let mut ids: Vec<_> = lines.map(|l| l.rsplit(' ').next().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    fn stopped(&self) -> Vec<String> {
        self.ids("stop ")
    }

    fn started(&self) -> Vec<String> {
        self.ids("start ")
    }
}

#[tokio::test]
async fn full_and_reload_restart_everything() {
    for how in [DeployType::Full, DeployType::Reload] {
        let bench = start(flows()).await;
        bench.deploy(flows(), how).await;
        assert_eq!(
            (bench.stopped(), bench.started()),
            (ALL.map(str::to_owned).to_vec(), ALL.map(str::to_owned).to_vec())
        );
        assert_eq!(bench.journal.count("stop Restarting a"), 1);
        bench.stop().await;
    }
}

#[tokio::test]
async fn a_deploy_without_a_change_restarts_nothing() {
    for how in [DeployType::Nodes, DeployType::Flows] {
        let bench = start(flows()).await;
        bench.deploy(with("a", "x", 500), how).await;
        assert_eq!(bench.journal.lines(), [""; 0]);
        bench.send("a", "x").await;
        assert_eq!(bench.journal.count("message x at c"), 1);
        bench.stop().await;
    }
}

#[tokio::test]
async fn nodes_restarts_what_changed() {
    let bench = start(flows()).await;
    bench.deploy(with("b", "mark", "!"), DeployType::Nodes).await;
    assert_eq!((bench.stopped(), bench.started()), (vec!["b".to_owned()], vec!["b".to_owned()]));
    bench.send("a", "x").await;
    assert_eq!(bench.journal.count("message x! at c"), 1);
    bench.stop().await;
}

#[tokio::test]
async fn flows_restarts_what_changed_and_all_that_is_wired_to_it() {
    let bench = start(flows()).await;
    bench.deploy(with("b", "mark", "!"), DeployType::Flows).await;
    assert_eq!((bench.stopped(), bench.started()), (list("a b c"), list("a b c")));
    bench.deploy(with("a", "wires", json!([["b", "far"]])), DeployType::Flows).await;
    assert_eq!(bench.started(), list("a b c far"));
    bench.stop().await;
}

fn list(ids: &str) -> Vec<String> {
    ids.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn nodes_gives_a_running_node_new_wires_without_a_restart() {
    let bench = start(flows()).await;
    bench.deploy(with("a", "wires", json!([["far"]])), DeployType::Nodes).await;
    assert_eq!(bench.journal.lines(), [""; 0]);
    bench.send("a", "x").await;
    assert_eq!(bench.journal.lines(), ["message x at a", "message x at far"]);
    bench.stop().await;
}

#[tokio::test]
async fn a_changed_configuration_node_restarts_the_nodes_that_refer_to_it() {
    let bench = start(flows()).await;
    bench.deploy(with("l", "path", "/new"), DeployType::Nodes).await;
    assert_eq!((bench.stopped(), bench.started()), (list("i l"), list("i l")));
    bench.stop().await;
}

#[tokio::test]
async fn a_removed_node_stops_with_that_reason_and_its_neighbours_go_on() {
    let bench = start(flows()).await;
    bench.deploy(without("b"), DeployType::Nodes).await;
    assert_eq!(bench.journal.lines(), ["stop Removed b"]);
    bench.send("a", "x").await;
    assert_eq!(bench.journal.count("message x at b"), 0);
    bench.deploy(flows(), DeployType::Nodes).await;
    assert_eq!(bench.journal.lines(), ["start b"]);
    bench.send("a", "x").await;
    assert_eq!(bench.journal.count("message x at c"), 1);
    bench.stop().await;
}

#[tokio::test]
async fn disabling_a_node_removes_it_and_enabling_brings_it_back() {
    let bench = start(flows()).await;
    bench.deploy(with("b", "d", true), DeployType::Nodes).await;
    assert_eq!(bench.journal.lines(), ["stop Removed b"]);
    bench.deploy(flows(), DeployType::Nodes).await;
    assert_eq!(bench.journal.lines(), ["start b"]);
    bench.stop().await;
}

#[tokio::test]
async fn a_configuration_node_is_told_how_many_nodes_use_it() {
    let bench = start(flows()).await;
    let mut more = flows();
    more.as_array_mut().unwrap().push(json!({"id": "i2", "type": "in", "server": "l"}));
    more.as_array_mut().unwrap().push(json!({"id": "u", "type": "user", "service": "l"}));
    bench.deploy(more, DeployType::Nodes).await;
    bench.journal.until("3 users of l").await;
    bench.deploy(flows(), DeployType::Nodes).await;
    bench.journal.until("1 users of l").await;
    assert_eq!(bench.stopped(), list("i2 u"));
    bench.stop().await;
}

#[tokio::test]
async fn a_node_whose_endpoint_appears_is_restarted_with_it() {
    let bench = start(without("l")).await;
    assert_eq!(bench.journal.count("start at nothing i"), 1);
    bench.deploy(flows(), DeployType::Nodes).await;
    assert_eq!((bench.stopped(), bench.started()), (list("i"), list("i l")));
    assert_eq!(bench.journal.count("start at l i"), 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_changed_environment_of_a_tab_or_group_restarts_the_nodes_in_it() {
    let nodes = |tab: &str, group: &str| {
        json!([
            {"id": "t", "type": "tab", "label": tab, "env": [{"name": "A", "type": "str", "value": tab}]},
            {"id": "u", "type": "tab"},
            {"id": "g", "type": "group", "w": group, "env": [{"name": "A", "type": "str", "value": group}]},
            {"id": "h", "type": "group", "g": "g"},
            {"id": "a", "type": "probe", "g": "h", "mark": "${A}"},
            {"id": "b", "type": "probe", "mark": "${A}"},
            {"id": "c", "type": "probe", "z": "u"},
        ])
    };
    let bench = start(nodes("1", "1")).await;
    bench.deploy(nodes("1", "2"), DeployType::Nodes).await;
    assert_eq!((bench.stopped(), bench.started()), (list("a"), list("a")));
    bench.send("a", "x").await;
    assert_eq!(bench.journal.count("message x2 at a"), 1);
    bench.deploy(nodes("2", "2"), DeployType::Nodes).await;
    assert_eq!((bench.stopped(), bench.started()), (list("a b"), list("a b")));
    bench.stop().await;
}

#[tokio::test]
async fn missing_types_stop_the_flows_until_they_are_gone() {
    let bench = start(flows()).await;
    let mut events = bench.engine.events();
    let broken = with("far", "type", "unheard of");
    let report = bench.engine.deploy(file(broken.clone()), DeployType::Nodes).await.unwrap();
    assert!(!report.running);
    assert!(report.problems.iter().any(|p| p.severity == Severity::MissingType));
    assert_eq!(bench.stopped(), ALL.map(str::to_owned));
    assert!(bench.engine.nodes().is_empty());
    assert_eq!(bench.engine.flows(), file(broken));
    let event = events.recv().await.unwrap();
    assert!(matches!(event, Event::Deployed { running: false, .. }), "{event:?}");
    bench.deploy(flows(), DeployType::Nodes).await;
    assert_eq!(bench.started(), ALL.map(str::to_owned));
    bench.stop().await;
}

#[tokio::test]
async fn a_deploy_to_a_stopped_engine_is_kept_and_does_not_run() {
    let bench = start(flows()).await;
    bench.stop().await;
    let report = bench.engine.deploy(file(without("a")), DeployType::Full).await.unwrap();
    assert!(!report.running);
    assert_eq!(bench.engine.rev(), report.rev);
    assert!(bench.engine.nodes().is_empty());
    bench.engine.start(bench.engine.flows()).await.unwrap();
    assert_eq!(bench.engine.nodes().len(), ALL.len() - 1);
    bench.engine.stop(StopReason::Removed).await.unwrap();
}

#[tokio::test]
async fn concurrent_deploys_run_one_after_the_other_even_if_their_futures_are_dropped() {
    let bench = start(flows()).await;
    let deploys = (0..10).map(|number| {
        let (engine, flows) = (bench.engine.clone(), with("a", "mark", number.to_string()));
        async move { engine.deploy(file(flows), DeployType::Nodes).await }
    });
    let results = futures_util::future::join_all(deploys).await;
    assert!(results.iter().all(Result::is_ok));
    // A deploy whose future is dropped after its first poll is finished all the same.
    let deploy = bench.engine.deploy(file(with("a", "mark", "last")), DeployType::Nodes);
    assert!(futures_util::FutureExt::now_or_never(deploy).is_none());
    bench.journal.until_count("start a", 12).await;
    bench.stop().await;
    let (starts, stops) = (bench.ids("start "), bench.ids("stop "));
    assert_eq!(starts, stops);
}

#[tokio::test]
async fn a_kept_loop_and_a_kept_chain_go_on_through_deploys() {
    let nodes = |mark: &str| {
        let mut nodes: Vec<Json> = (0..200)
            .map(|n| json!({"id": format!("n{n}"), "type": "relay", "wires": [[format!("n{}", n + 1)]]}))
            .collect();
        nodes.push(json!({"id": "n200", "type": "probe", "mark": mark}));
        nodes.push(json!({"id": "loop", "type": "relay", "wires": [["loop"]]}));
        Json::from(nodes)
    };
    let bench = start(nodes("0")).await;
    bench.send("loop", "round").await;
    for number in 1..20 {
        bench.engine.deploy(file(nodes(&number.to_string())), DeployType::Nodes).await.unwrap();
        bench.send("n0", "x").await;
        bench.journal.until(&format!("message x{number} at n200")).await;
    }
    assert_eq!(bench.journal.count("stop Restarting n200"), 19);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_between_kept_nodes_is_lost_or_overtaken_by_a_deploy() {
    const MESSAGES: usize = 2000;
    let nodes = |mark: usize| {
        let mut nodes: Vec<Json> = (0..100)
            .map(|n| json!({"id": format!("n{n}"), "type": "relay", "wires": [[format!("n{}", n + 1)]]}))
            .collect();
        nodes.push(json!({"id": "n100", "type": "probe", "wires": [["other"]]}));
        nodes.push(json!({"id": "other", "type": "probe", "mark": mark.to_string()}));
        Json::from(nodes)
    };
    let bench = start(nodes(0)).await;
    let engine = bench.engine.clone();
    let source = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        for number in 0..MESSAGES {
            let msg = Message::with_payload(number.to_string());
            runtime.block_on(engine.deliver("n0", msg).unwrap());
        }
    });
    for mark in 1..20 {
        bench.engine.deploy(file(nodes(mark)), DeployType::Nodes).await.unwrap();
    }
    source.await.unwrap();
    bench.stop().await;
    let lines = bench.journal.lines();
    let arrived = lines.iter().filter(|l| l.starts_with("message") && l.ends_with(" at n100"));
    let expected: Vec<_> = (0..MESSAGES).map(|n| format!("message {n} at n100")).collect();
    assert!(arrived.eq(expected.iter()));
    assert_eq!(bench.journal.count("stop Restarting other"), 19);
}

#[tokio::test(start_paused = true)]
async fn a_node_behind_a_queue_of_a_kept_node_is_replaced_at_once() {
    let nodes = |changed: usize| {
        let mut nodes: Vec<Json> = (0..100)
            .map(|n| json!({"id": format!("n{n}"), "type": "relay", "wires": [[format!("n{}", n + 1)]]}))
            .collect();
        nodes.push(json!({"id": "n100", "type": "probe", "wires": [["n0"]], "mark": "!"}));
        nodes[changed]["name"] = "changed".into();
        Json::from(nodes)
    };
    let bench = start(nodes(0)).await;
    let begun = tokio::time::Instant::now();
    for changed in (0..2).chain(60..70).chain(98..101) {
        bench.engine.deploy(file(nodes(changed)), DeployType::Nodes).await.unwrap();
    }
    bench.stop().await;
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test]
async fn messages_to_a_new_node_wait_until_it_has_started_and_keep_their_order() {
    let nodes = |x: u32| {
        let mut nodes = json!([
            {"id": "a", "type": "probe", "wires": [["b"]]},
            {"id": "b", "type": "probe", "changed": x, "wires": [["c"]]},
            {"id": "c", "type": "probe"},
        ]);
        if x == 1 {
            nodes.as_array_mut().unwrap().push(json!({"id": "s", "type": "slow"}));
        }
        nodes
    };
    let bench = start(nodes(1)).await;
    // The deploy has to wait until this message is handled.
    bench.send("s", "late").await;
    bench.journal.take();
    let (engine, next) = (bench.engine.clone(), file(nodes(2)));
    let deploy = engine.deploy(next, DeployType::Nodes);
    let sending = async {
        bench.journal.until("stop Restarting b").await;
        for number in 0..3000 {
            bench.send("a", &number.to_string()).await;
        }
    };
    let permitting = async {
        // `b` has taken none yet, and the held wire is full.
        bench.journal.until("message 1024 at a").await;
        assert_eq!(bench.ids("message").iter().filter(|id| *id == "b").count(), 0);
        bench.journal.permits.add_permits(1);
    };
    let (deployed, (), ()) = tokio::join!(deploy, sending, permitting);
    deployed.unwrap();
    bench.journal.until("message 2999 at b").await;
    let lines = bench.journal.lines();
    let taken: Vec<&String> = lines.iter().filter(|line| line.ends_with(" b")).collect();
    assert_eq!(taken[..2], ["stop Restarting b", "start b"]);
    let expected: Vec<String> = (0..3000).map(|number| format!("message {number} at b")).collect();
    assert!(taken[2..].iter().copied().eq(&expected), "{taken:?}");
    bench.stop().await;
}

thread_local! {
    /// What was logged on the thread of a test.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to [`LOGGED`].
struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs from now on, for all threads: with a subscriber of one thread, tracing would remember that the other
/// tests' threads do not want a line, and leave it out here as well.
fn log() {
    tracing_subscriber::fmt()
        .with_writer(|| Log)
        .with_ansi(false)
        .without_time()
        .with_max_level(tracing::Level::DEBUG)
        .with_target(false)
        .init();
    tracing::callsite::rebuild_interest_cache();
}

/// The lines about starts and restarts since the last call, sorted.
fn decisions() -> Vec<String> {
    let text = String::from_utf8(LOGGED.take()).unwrap();
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("DEBUG "));
    let mut lines: Vec<String> =
        lines.filter(|line| line.contains("starts: ")).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn the_log_tells_why_nodes_restart() {
    log();
    let bench = start(flows()).await;
    assert_eq!(decisions(), [""; 0]);
    bench.deploy(with("l", "name", "L"), DeployType::Nodes).await;
    assert_eq!(
        decisions(),
        [
            "the node restarts: it refers to `l`, which changed or is gone id=i type=in name=",
            "the node restarts: its properties or credentials changed id=l type=listener name=L",
        ]
    );
    bench.stop().await;
}

//! Running flows: delivery, order, limits and failures.

use std::time::Duration;

use crate::support::{at, start};
use ferrowire_core::{Message, StopReason};
use ferrowire_engine::Event;
use serde_json::{Value as Json, json};

#[tokio::test]
async fn every_wire_gets_its_own_message() {
    let bench = start(json!([
        {"id": "a", "type": "probe", "wires": [["b", "c"], ["never"]]},
        {"id": "b", "type": "probe", "mark": "b", "wires": [["end"]]},
        {"id": "c", "type": "probe", "mark": "c", "wires": [["end"]]},
        {"id": "end", "type": "probe"},
    ]))
    .await;
    bench.send("a", "x").await;
    assert_eq!(
        (bench.journal.count("message xb at end"), bench.journal.count("message xc at end")),
        (1, 1)
    );
    bench.stop().await;
}

#[tokio::test]
async fn sinks_start_first_and_endpoints_that_feed_others_later_sources_last() {
    let bench = start(json!([
        {"id": "source", "type": "probe", "wires": [["out2"]]},
        {"id": "l", "type": "listener", "z": ""},
        {"id": "i", "type": "in", "server": "l", "wires": [["m"]]},
        {"id": "m", "type": "probe", "wires": [["o"]]},
        {"id": "o", "type": "out", "server": "l"},
        {"id": "out2", "type": "out", "client": "c"},
        {"id": "c", "type": "client", "z": ""},
    ]))
    .await;
    let lines = bench.journal.take();
    let starts = ["start c", "start at l o", "start m", "start at l i", "start l", "start source"];
    let places: Vec<_> = starts.iter().map(|line| at(&lines, line)).collect();
    assert!(places.is_sorted(), "{lines:?}");
    assert!(lines.contains(&"2 users of l".to_owned()), "{lines:?}");

    bench.stop().await;
    let lines = bench.journal.take();
    let stops = ["source", "l", "i", "m", "o", "c"];
    let stops = stops.map(|id| at(&lines, &format!("stop ShuttingDown {id}")));
    assert!(stops.is_sorted(), "{lines:?}");
}

#[tokio::test]
async fn an_echo_goes_from_the_endpoint_through_the_flow_to_the_endpoint() {
    let bench = start(json!([
        {"id": "l", "type": "listener", "z": "", "path": "/a"},
        {"id": "i", "type": "in", "server": "l", "wires": [["o"]]},
        {"id": "o", "type": "out", "server": "l", "wires": [["after"]]},
        {"id": "after", "type": "probe"},
    ]))
    .await;
    bench.send("l", "emit hello").await;
    // Nothing had to be awaited: none of these wires has a queue.
    assert_eq!(bench.journal.count("sent hello to /a of l"), 1);
    assert_eq!(bench.journal.count("message hello at after"), 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_node_may_receive_from_one_endpoint_and_send_to_another() {
    let bench = start(json!([
        {"id": "l", "type": "listener", "z": ""},
        {"id": "c", "type": "client", "z": "", "path": "/c"},
        {"id": "b", "type": "both", "server": "l", "client": "c"},
    ]))
    .await;
    let lines = bench.journal.lines();
    for line in ["1 users of l", "1 users of c", "start at l b"] {
        at(&lines, line);
    }
    bench.send("l", "emit hello").await;
    assert_eq!(bench.journal.count("sent hello to /c of c"), 1);
    bench.stop().await;
}

#[tokio::test]
async fn of_several_references_the_first_that_is_set_counts() {
    let bench = start(json!([
        {"id": "l", "type": "listener", "z": ""},
        {"id": "c", "type": "client", "z": ""},
        {"id": "i", "type": "in", "server": "", "client": "c"},
        {"id": "j", "type": "in", "server": "l", "client": "c"},
        {"id": "k", "type": "in", "server": "gone", "client": "c"},
    ]))
    .await;
    let lines = bench.journal.lines();
    for line in ["start at c i", "start at l j", "start at nothing k"] {
        at(&lines, line);
    }
    bench.stop().await;
}

fn chain(length: usize, node_type: &str) -> Vec<Json> {
    let node = |at: usize| json!({"id": format!("n{at}"), "type": node_type, "z": "t", "wires": [[format!("n{}", at + 1)]]});
    let mut nodes: Vec<_> = (0..length).map(node).collect();
    nodes.push(json!({"id": format!("n{length}"), "type": "probe", "z": "t"}));
    nodes
}

#[tokio::test]
async fn a_chain_of_10_000_nodes_delivers_starts_and_stops() {
    for node_type in ["relay", "panics"] {
        let bench = start(chain(10_000, node_type).into()).await;
        bench.send("n0", "x").await;
        bench.journal.until("message x at n10000").await;
        bench.stop().await;
        assert_eq!(bench.journal.count("stop ShuttingDown n10000"), 1);
    }
}

#[tokio::test]
async fn messages_keep_their_order_through_a_long_chain() {
    let bench = start(chain(300, "relay").into()).await;
    for number in 0..500 {
        bench.send("n0", &number.to_string()).await;
    }
    bench.journal.until("message 499 at n300").await;
    let messages = bench.journal.lines();
    let messages: Vec<_> = messages.iter().filter(|line| line.starts_with("message")).collect();
    let expected: Vec<_> = (0..500).map(|n| format!("message {n} at n300")).collect();
    assert!(messages.into_iter().eq(expected.iter()));
    bench.stop().await;
}

#[tokio::test]
async fn messages_in_queues_are_delivered_before_a_stop() {
    let bench = start(chain(300, "relay").into()).await;
    for number in 0..100 {
        drop(bench.engine.deliver("n0", Message::with_payload(number.to_string())).unwrap());
    }
    bench.stop().await;
    assert_eq!(bench.journal.count("message 99 at n300"), 1);
}

#[tokio::test]
async fn an_endless_loop_does_not_starve_other_flows_and_stops() {
    let bench = start(json!([
        {"id": "a", "type": "relay", "wires": [["b"]]},
        {"id": "b", "type": "relay", "wires": [["a", "a2"]]},
        {"id": "a2", "type": "relay", "wires": [["b"]]},
        {"id": "self", "type": "relay", "wires": [["self"]]},
        {"id": "p", "type": "probe", "wires": [["q"]]},
        {"id": "q", "type": "probe"},
    ]))
    .await;
    for id in ["a", "self"] {
        for _ in 0..5 {
            bench.send(id, "round").await;
        }
    }
    for number in 0..100 {
        tokio::task::yield_now().await;
        bench.send("p", &number.to_string()).await;
        bench.journal.until(&format!("message {number} at q")).await;
    }
    bench.stop().await;
}

fn failure(event: Event) -> Option<String> {
    let Event::Failed { node, text, .. } = event else { return None };
    assert!(text.contains("as told"), "{text}");
    Some(node.id.clone())
}

#[tokio::test]
async fn a_panic_fails_its_own_node_only() {
    let bench = start(json!([
        {"id": "build", "type": "panics", "when": "build"},
        {"id": "start", "type": "panics", "when": "start", "wires": [["p"]]},
        {"id": "task", "type": "panics", "when": "task", "wires": [["p"]]},
        {"id": "message", "type": "panics", "when": "message", "wires": [["p"]]},
        {"id": "stop", "type": "panics", "when": "stop", "wires": [["p"]]},
        {"id": "p", "type": "probe"},
    ]))
    .await;
    assert_eq!(bench.deployed.problems.len(), 1);
    let mut events = bench.engine.events();
    bench.send("start", "1").await;
    bench.send("message", "2").await;
    bench.send("message", "3").await;
    bench.send("stop", "4").await;
    bench.send("task", "5").await;
    let mut failed = vec![];
    while failed.last() != Some(&"task".to_owned()) {
        failed.extend(failure(events.recv().await.unwrap()));
    }
    assert!(bench.engine.deliver("build", Message::new()).is_err());
    assert_eq!(bench.journal.count("message 1 at p"), 1);
    assert_eq!(bench.journal.count("message 4 at p"), 1);
    bench.stop().await;
    assert_eq!(bench.journal.count("stop ShuttingDown p"), 1);
    failed.extend(failure(events.recv().await.unwrap()));
    assert_eq!(failed, ["message", "message", "task", "stop"]);
}

#[tokio::test]
async fn a_full_exclusive_node_makes_its_senders_wait() {
    let bench = start(json!([
        {"id": "a", "type": "relay", "wires": [["s"]]},
        {"id": "s", "type": "slow"},
    ]))
    .await;
    let mut accepted = 0;
    let waiting = loop {
        let sending = bench.engine.deliver("a", Message::with_payload("x")).unwrap();
        if !sending.is_done() {
            break sending;
        }
        accepted += 1;
    };
    assert_eq!(accepted, ferrowire_core::EXCLUSIVE_QUEUE);
    bench.journal.permits.add_permits(1);
    waiting.await;
    bench.journal.permits.add_permits(2000);
    bench.stop().await;
    assert_eq!(bench.journal.count("finished x at s"), accepted + 1);
}

#[tokio::test]
async fn disabled_nodes_and_nodes_on_disabled_tabs_do_not_run() {
    let bench = start(json!([
        {"id": "off", "type": "tab", "disabled": true},
        {"id": "a", "type": "probe", "wires": [["b", "c"]]},
        {"id": "b", "type": "probe", "d": true},
        {"id": "c", "type": "probe", "z": "off"},
        {"id": "l", "type": "listener", "z": "off"},
        {"id": "i", "type": "in", "server": "l"},
    ]))
    .await;
    bench.send("a", "x").await;
    assert_eq!(bench.journal.take(), ["start a", "start at nothing i", "message x at a"]);
    bench.stop().await;
}

#[tokio::test]
async fn a_node_with_a_problem_is_left_out_and_the_others_run() {
    let bench = start(json!([
        {"id": "bad", "type": "strict", "size": 99},
        {"id": "one", "type": "listener", "z": "", "path": "/x"},
        {"id": "two", "type": "listener", "z": "", "path": "x"},
        {"id": "i", "type": "in", "server": "two"},
        {"id": "sub", "type": "subflow:s"},
        {"id": "s", "type": "subflow", "name": "S", "in": [{"wires": [{"id": "deep"}]}]},
        {"id": "deep", "type": "subflow:s", "z": "s"},
        {"id": "a", "type": "probe", "wires": [["bad", "sub"]]},
    ]))
    .await;
    assert!(bench.deployed.running);
    bench.send("a", "x").await;
    let mut lines = bench.journal.take();
    lines.sort();
    let expected = ["0 users of one", "message x at a", "start a", "start at two i", "start one"];
    assert_eq!(lines, expected);
    bench.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nodes_that_hang_are_cancelled() {
    let bench = start(json!([
        {"id": "a", "type": "hangs", "when": "start", "wires": [["b"]]},
        {"id": "b", "type": "hangs", "when": "stop", "wires": [["c"]]},
        {"id": "c", "type": "hangs", "when": "stop", "wires": [["p"]]},
        {"id": "p", "type": "probe"},
    ]))
    .await;
    assert_eq!(bench.journal.count("start p"), 1);
    let before = tokio::time::Instant::now();
    bench.stop().await;
    assert_eq!(bench.journal.count("stop ShuttingDown p"), 1);
    // The limit of 10 seconds does not apply to each node in turn.
    assert!(before.elapsed() <= Duration::from_secs(30), "{:?}", before.elapsed());
}

#[tokio::test]
async fn the_last_status_of_a_node_is_kept_until_it_is_gone() {
    let bench = start(json!([{"id": "s", "type": "shows"}])).await;
    let mut events = bench.engine.events();
    bench.send("s", "one").await;
    bench.send("s", "two").await;
    let statuses = bench.engine.statuses();
    assert_eq!((statuses.len(), statuses[0].1.text.as_str()), (1, "two"));
    bench.stop().await;
    assert!(bench.engine.statuses().is_empty());
    let mut texts = vec![];
    while let Ok(Event::Status { status, .. }) = events.try_recv() {
        texts.push(status.text.as_str().to_owned());
    }
    assert_eq!(texts, ["one", "two", ""]);
}

#[tokio::test]
async fn a_receiver_of_events_that_falls_behind_loses_the_oldest() {
    let bench = start(json!([{"id": "s", "type": "shows"}])).await;
    let mut events = bench.engine.events();
    for number in 0..=ferrowire_engine::EVENTS {
        bench.send("s", &number.to_string()).await;
    }
    let error = events.recv().await.unwrap_err();
    assert_eq!(error, tokio::sync::broadcast::error::RecvError::Lagged(1));
    let Event::Status { status, .. } = events.recv().await.unwrap() else { panic!() };
    assert_eq!(status.text.as_str(), "1");
}

#[tokio::test]
async fn a_message_for_a_node_that_does_not_run_is_refused() {
    let bench = start(json!([])).await;
    let error = bench.engine.deliver("gone", Message::new()).unwrap_err();
    assert_eq!(error.to_string(), "no node with the id `gone` is running");
    bench.engine.stop(StopReason::ShuttingDown).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_at_both_ends_of_a_chain_of_any_length_stops_at_once() {
    for length in 58..70 {
        let mut nodes = chain(length, "relay");
        nodes.push(json!({"id": "l", "type": "listener", "z": "", "path": "/a"}));
        nodes.push(json!({"id": "i", "type": "in", "server": "l", "z": "t", "wires": [["n0"]]}));
        nodes[length] = json!({"id": format!("n{length}"), "type": "out", "server": "l"});
        let bench = start(nodes.into()).await;
        let before = tokio::time::Instant::now();
        bench.send("l", "emit x").await;
        bench.journal.until("sent x to /a of l").await;
        bench.stop().await;
        assert_eq!(before.elapsed(), Duration::ZERO, "{length}");
    }
}

//! The messages that `join` creates from sequences with an expression.

use ferrowire::Message;
use ferrowire_plugin_split_join as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

fn config(expression: &str, initial: &str, kind: &str) -> Json {
    json!({"mode": "reduce", "reduceExp": expression, "reduceInit": initial, "reduceInitType": kind,
        "reduceFixup": "", "reduceRight": false})
}

/// The messages of the sequence `id`, in the order of `indexes`.
fn sequence(id: &str, indexes: &[usize]) -> Vec<Json> {
    let msg = |at: &usize| {
        let parts = json!({"id": id, "index": at, "count": indexes.len()});
        json!({"payload": at + 1, "topic": format!("t{at}"), "parts": parts})
    };
    indexes.iter().map(msg).collect()
}

async fn reduce(config: Json, messages: Vec<Json>) -> Vec<Message> {
    let mut node = Harness::of("join").config(config).start().await;
    for msg in messages {
        node.send(message(msg)).await;
    }
    let mut stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    stopped.outputs.remove(0)
}

async fn payload(config: Json, messages: Vec<Json>) -> String {
    let messages = reduce(config, messages).await;
    assert_eq!(messages.len(), 1);
    messages[0].payload().map_or_else(String::new, |payload| payload.to_json())
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    assert_compliant(linked("join"), config("$A + payload", "0", "num")).await;
}

#[tokio::test(start_paused = true)]
async fn each_message_adds_to_what_the_others_gave() {
    let sum = config("$A + payload", "10", "num");
    assert_eq!(payload(sum, sequence("s", &[2, 0, 1])).await, "16");
    let mut listed = config("$A & payload & '/' & $I & '/' & $N & ' '", "'>'", "jsonata");
    assert_eq!(
        payload(listed.clone(), sequence("s", &[2, 0, 1])).await,
        r#"">1/0/3 2/1/3 3/2/3 ""#
    );
    listed["reduceRight"] = json!(true);
    assert_eq!(payload(listed, sequence("s", &[2, 0, 1])).await, r#"">3/2/3 2/1/3 1/0/3 ""#);
}

#[tokio::test(start_paused = true)]
async fn the_result_can_be_fixed_up_and_goes_into_the_last_message() {
    let mut average = config("$A + payload", "0", "num");
    average["reduceFixup"] = json!("$A / $N");
    let messages = reduce(average, sequence("s", &[1, 0, 2])).await;
    assert_eq!(messages[0].payload(), Some(&2.into()));
    assert_eq!(messages[0].get("topic"), Some(&"t2".into()));
}

#[tokio::test(start_paused = true)]
async fn sequences_are_kept_apart_and_what_belongs_to_none_passes() {
    let (a, b) = (sequence("a", &[0, 1]), sequence("b", &[0, 1, 2]));
    let mixed = vec![
        b[0].clone(),
        a[0].clone(),
        json!({"payload": "alone"}),
        b[2].clone(),
        a[1].clone(),
        b[1].clone(),
    ];
    let messages = reduce(config("$A + payload", "0", "num"), mixed).await;
    let payloads: Vec<_> = messages.iter().map(|msg| msg.payload().cloned()).collect();
    assert_eq!(payloads, [Some("alone".into()), Some(3.into()), Some(6.into())]);
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_fails_fails_its_sequence_once() {
    let mut node = Harness::of("join").config(config("$A + topic", "0", "num")).start().await;
    for msg in sequence("s", &[0, 1]) {
        node.send(message(msg)).await;
    }
    assert!(node.next_error().await.contains("`$A + topic` failed"));
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty() && stopped.outputs[0].is_empty());
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    let mut broken = config("$A +", "x", "num");
    broken["reduceFixup"] = json!("(");
    let problems = Harness::of("join").config(broken).problems();
    let found: Vec<_> = problems.iter().map(|problem| problem.property.as_str()).collect();
    assert_eq!(found, ["reduceExp", "reduceInit", "reduceFixup"]);
    assert!(problems[0].text.contains("line 1, column 5"), "{problems:?}");
}

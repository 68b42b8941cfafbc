//! A flow of several nodes without a server.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use std::panic::AssertUnwindSafe;

use ferrowire::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType, Status, register,
};
use ferrowire_testkit::{Flow, json, message};
use futures_util::FutureExt;

/// Adds its text to the payload.
struct Append(String);

impl FromConfig for Append {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Append(config.text("text"))
    }
}

impl Node for Append {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let Some(payload) = msg.payload().and_then(|payload| payload.as_str()) else {
            return Handled::Failed("no text".into());
        };
        let longer = format!("{payload}{}", self.0);
        cx.status(Status::new("green", "dot", longer.as_str()));
        cx.publish("debug", longer.as_str());
        msg.set("payload", longer);
        Handled::Send(0, msg)
    }
}

register!(NodeType::shared::<Append>("append"));

fn flow() -> serde_json::Value {
    json!([
        {"id": "tab", "type": "tab"},
        {"id": "a", "type": "append", "z": "tab", "text": "-a", "x": 1, "y": 1, "wires": [["b"]]},
        {"id": "b", "type": "append", "z": "tab", "text": "${WHO}", "x": 1, "y": 1, "wires": [["end"]]},
        {"id": "end", "type": "probe", "z": "tab", "x": 1, "y": 1, "wires": []},
    ])
}

#[tokio::test(start_paused = true)]
async fn messages_go_from_node_to_node_and_arrive_at_the_probe() {
    let env = |name: &str| (name == "WHO").then(|| "Joe".to_owned());
    let mut flow = Flow::start_with(flow(), env).await;
    flow.send("a", message(json!({"payload": "x"}))).await;
    assert_eq!(flow.next_at("end").await.payload(), Some(&"x-aJoe".into()));
    assert_eq!(flow.next_status("b").await.text, "x-aJoe");
    flow.send("a", message(json!({"payload": 5}))).await;
    assert_eq!(flow.next_error().await, ("a".to_owned(), "no text".to_owned()));
    for (id, data) in [("a", "x-a"), ("b", "x-aJoe")] {
        assert_eq!(flow.next_published().await, (id.to_owned(), "debug", data.into()));
    }
    flow.send("b", message(json!({"payload": "y"}))).await;
    assert_eq!(flow.arrived_at("end").len(), 1);
    flow.stop().await;
}

async fn fails(test: impl Future<Output = ()>) -> String {
    let panic = AssertUnwindSafe(test).catch_unwind().await.expect_err("nothing was noticed");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_flow_with_a_problem_or_without_a_stop_fails_the_test() {
    let mut wrong = flow();
    wrong[2]["type"] = json!("nobody's");
    let problem = fails(async { drop(Flow::start(wrong).await) }).await;
    assert!(problem.contains("nobody's"), "{problem}");
    let problem = fails(async { drop(Flow::start(flow()).await) }).await;
    assert!(problem.contains("without `stop().await`"), "{problem}");
    let flow = Flow::start(flow()).await;
    let problem = fails(flow.send("c", Message::new())).await;
    assert!(problem.contains("no node with the id `c`"), "{problem}");
    flow.stop().await;
}

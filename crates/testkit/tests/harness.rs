//! The harness records what a node does, and detects violations of the contract.
#![expect(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferrowire::{
    ExclusiveNode, FromConfig, Handled, Level, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeType, Status, StopReason, Value, async_trait,
};
use ferrowire_testkit::{Harness, assert_compliant, json, message};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;

/// Does what the topic of a message says.
struct Obedient;

impl FromConfig for Obedient {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        config.number("n");
        Obedient
    }
}

#[async_trait]
impl Node for Obedient {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        match msg.get("topic").and_then(|topic| topic.as_str()).unwrap_or_default() {
            "send" => Handled::Send(1, msg),
            "status" => {
                cx.status(Status::new("red", "dot", "x"));
                Handled::Done
            }
            "log" => {
                cx.warn("careful");
                Handled::Done
            }
            "publish" => {
                cx.publish("debug", "data");
                Handled::Done
            }
            "fail" => Handled::Failed("no".into()),
            "env" => {
                let value = cx.env("WHO").unwrap_or_default();
                Handled::Send(0, Message::with_payload(value))
            }
            "later" => {
                let other = cx.clone();
                cx.spawn(async move {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                    other.send(0, msg).await;
                    other.fail("too late");
                });
                Handled::Done
            }
            _ => Handled::Done,
        }
    }
    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        cx.status(Status::new("grey", "ring", format!("{reason:?}")));
    }
}

const OBEDIENT: NodeType = NodeType::shared::<Obedient>("obedient");

async fn fails(test: impl Future<Output = ()>) -> String {
    let panic = AssertUnwindSafe(test).catch_unwind().await.expect_err("nothing was noticed");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap()
}

#[tokio::test(start_paused = true)]
async fn everything_a_node_does_can_be_seen() {
    let mut node = Harness::with(OBEDIENT).env("WHO", "Joe").start().await;
    for topic in ["send", "status", "log", "publish", "fail", "env", "later"] {
        node.send(message(json!({"topic": topic}))).await;
    }
    assert!(node.next_output(1).await.id().is_some());
    assert_eq!(node.next_output(0).await.payload(), Some(&"Joe".into()));
    assert_eq!(node.next_output(0).await.get("topic"), Some(&"later".into()));
    assert_eq!(node.statuses(), [Status::new("red", "dot", "x")]);
    assert_eq!(node.logs(), [(Level::Warn, "careful".to_owned())]);
    assert_eq!(node.published(), [("debug", "data".into())]);
    assert_eq!(node.next_error().await, "no");
    assert_eq!(node.next_error().await, "too late");
    let stopped = node.stop_because(StopReason::Restarting).await;
    assert_eq!(stopped.statuses, [Status::new("grey", "ring", "Restarting")]);
}

#[tokio::test(start_paused = true)]
async fn an_output_that_does_not_come_fails_the_test() {
    let mut node = Harness::with(OBEDIENT).start().await;
    let text = fails(async { drop(node.next_output(3).await) }).await;
    assert_eq!(text, "expected a message through output 3 within 60s, found nothing");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_expectation_shows_what_the_node_did_instead() {
    let mut node = Harness::with(OBEDIENT).start().await;
    for topic in ["fail", "send", "status", "log", "publish", "fail"] {
        node.send(message(json!({"topic": topic, "_msgid": "m"}))).await;
    }
    let text = fails(async { drop(node.next_output(3).await) }).await;
    let expected = "expected a message through output 3 within 60s, found 2 times the error, first \
                    `no`; the status `x`; the log line `careful`; data for `debug`: \"data\"; \
                    a message through output 1 {\"topic\":\"send\",\"_msgid\":\"m\"}";
    let sorted = |text: &str| text.split("; ").map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(sorted(&text).len(), sorted(expected).len(), "{text}");
    for part in sorted(expected) {
        assert!(text.contains(&part), "`{part}` is missing in: {text}");
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_test_that_does_not_stop_its_node_fails() {
    let node = Harness::with(OBEDIENT).start().await;
    assert!(fails(async { drop(node) }).await.contains("without `stop().await`"));
}

#[tokio::test(start_paused = true)]
async fn a_configuration_problem_fails_the_start_and_can_be_looked_at() {
    let broken = || Harness::with(OBEDIENT).config(json!({"n": "ten"}));
    assert_eq!(broken().problems()[0].property, "n");
    assert!(fails(async { drop(broken().start().await) }).await.contains("found `ten`"));
}

#[test]
#[should_panic(expected = "write `use the_crate as _;`")]
fn a_type_that_is_not_linked_is_explained() {
    drop(Harness::of("nobody's node"));
}

#[tokio::test(start_paused = true)]
async fn a_well_behaved_node_is_compliant() {
    assert_compliant(OBEDIENT, json!({"n": "5", "list": [{"a": 1}]})).await;
}

const TRUSTING: u8 = 0;
const PANICKING: u8 = 1;
const TWICE: u8 = 2;
const LEAKING: u8 = 3;
const HOLDING: u8 = 4;
const PANICKING_AT_THE_END: u8 = 5;

/// A resource that only one node at a time may hold.
static HELD: AtomicBool = AtomicBool::new(false);

/// Breaks one rule.
struct Misbehaved<const HOW: u8>;

impl<const HOW: u8> FromConfig for Misbehaved<HOW> {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        assert!(HOW != TRUSTING || !config.text("a").is_empty());
        Misbehaved
    }
}

#[async_trait]
impl<const HOW: u8> ExclusiveNode for Misbehaved<HOW> {
    async fn start(&mut self, _: &NodeContext) -> Result<(), NodeError> {
        match HOW == HOLDING && HELD.swap(true, Ordering::Relaxed) {
            true => Err("it is already held".into()),
            false => Ok(()),
        }
    }

    async fn stop(&mut self, _: StopReason, _: &NodeContext) {
        assert!(HOW != PANICKING_AT_THE_END, "ouch");
    }

    #[expect(clippy::disallowed_methods, reason = "this node does what it must not")]
    async fn on_message(&mut self, _: Message, cx: &NodeContext) -> Result<(), NodeError> {
        match HOW {
            PANICKING => panic!("oops"),
            TWICE => {
                cx.fail("once");
                cx.fail("twice");
            }
            LEAKING => drop(tokio::spawn(std::future::pending::<()>())),
            _ => {}
        }
        Ok(())
    }
}

async fn why_not_compliant<const HOW: u8>() -> String {
    let node_type = NodeType::exclusive::<Misbehaved<HOW>>("misbehaved");
    fails(assert_compliant(node_type, json!({"a": "x"}))).await
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_building_panics_is_not_compliant() {
    let why = why_not_compliant::<TRUSTING>().await;
    assert!(
        why.contains("expected a problem of the configuration, found a panic, with {"),
        "{why}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_panics_at_a_message_is_not_compliant() {
    let why = why_not_compliant::<PANICKING>().await;
    assert!(why.contains("panicked: oops"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_fails_one_message_twice_is_not_compliant() {
    let why = why_not_compliant::<TWICE>().await;
    assert!(why.contains("expected at most one error of the message {}, found 2"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leaves_a_task_behind_is_not_compliant() {
    let why = why_not_compliant::<LEAKING>().await;
    assert!(why.contains("after its stop, found 1; a task outlived it, use"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_panics_at_its_stop_is_not_compliant() {
    let why = why_not_compliant::<PANICKING_AT_THE_END>().await;
    assert!(why.contains("panicked: ouch"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_keeps_what_the_next_start_needs_is_not_compliant() {
    let why = why_not_compliant::<HOLDING>().await;
    assert!(
        why.contains("expected a second start after the stop, found the errors [\"it is already"),
        "{why}"
    );
}

/// Accepts one message at a time, and accepts none after a cancelled delivery.
#[derive(Default)]
struct Turnstile {
    busy: AtomicBool,
    free: tokio::sync::Notify,
}

impl FromConfig for Turnstile {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Turnstile::default()
    }
}

#[async_trait]
impl Node for Turnstile {
    async fn on_message(&self, _: Message, _: &NodeContext) -> Result<(), NodeError> {
        while self.busy.swap(true, Ordering::Relaxed) {
            self.free.notified().await;
        }
        tokio::task::yield_now().await;
        self.busy.store(false, Ordering::Relaxed);
        self.free.notify_one();
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_after_a_delivery_was_given_up_is_not_compliant() {
    let why = fails(assert_compliant(NodeType::shared::<Turnstile>("turnstile"), json!({}))).await;
    assert!(why.contains("expected the acceptance of a message within"), "{why}");
}

/// Needs another node, a variable, a setting, and a node that it sends to.
struct Demanding {
    unit: String,
}

impl FromConfig for Demanding {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let unit = match config.referenced("scale") {
            Some(scale) => scale.get("unit").and_then(Value::as_str).unwrap_or_default().to_owned(),
            None => {
                config.problem("scale", "expected the id of a scale");
                String::new()
            }
        };
        Demanding { unit }
    }
}

#[async_trait]
impl Node for Demanding {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let site = cx.env("SITE").ok_or("the variable `SITE` is missing")?;
        assert_eq!((self.unit.as_str(), site), ("kg", "here".into()));
        Ok(())
    }
}

const DEMANDING: NodeType = NodeType::shared::<Demanding>("demanding");

#[tokio::test(start_paused = true)]
async fn a_node_that_needs_an_environment_is_compliant_in_it() {
    let node = || Harness::with(DEMANDING).config(json!({"scale": "s"})).env("SITE", "here");
    let scale = json!({"id": "s", "type": "scale", "unit": "kg"});
    node().other_node(scale).assert_compliant().await;
    let why = fails(node().assert_compliant()).await;
    let expected = "expected a configuration without problems, found `scale`: expected the id of";
    assert!(why.contains(expected), "{why}");
}

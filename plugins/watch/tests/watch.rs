//! The properties of the nodes; the engine's tests cover which nodes are watched.

use ferrowire::Message;
use ferrowire_plugin_watch as _;
use ferrowire_testkit::{Harness, assert_compliant, linked};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn what_they_are_told_leaves_as_it_is() {
    for name in ["catch", "status", "complete"] {
        let mut node = Harness::of(name).start().await;
        node.send(Message::with_payload("x")).await;
        assert_eq!(node.next_output(0).await.payload(), Some(&"x".into()));
        node.stop().await;
        assert_compliant(linked(name), json!({"scope": ["a", "b"], "uncaught": false})).await;
    }
}

#[test]
fn a_scope_that_is_none_is_named() {
    let problems = |config| Harness::of("catch").config(config).problems();
    for scope in [json!(null), json!("group"), json!([]), json!(["a"])] {
        assert_eq!(problems(json!({"scope": scope})), [], "{scope}");
    }
    for scope in [json!(5), json!("tab"), json!([5])] {
        assert_eq!(problems(json!({"scope": scope}))[0].property, "scope", "{scope}");
    }
    assert_eq!(problems(json!({"uncaught": "maybe"}))[0].property, "uncaught");
}

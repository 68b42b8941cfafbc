//! The results of `range`.

use ferrowire::{Level, Value};
use ferrowire_plugin_range as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

/// The payload that leaves, if any.
async fn map(action: &str, range: [i32; 4], round: bool, payload: Json) -> Option<Value> {
    let [minin, maxin, minout, maxout] = range.map(|number| number.to_string());
    let config = json!({"minin": minin, "maxin": maxin, "minout": minout, "maxout": maxout,
        "action": action, "round": round, "property": "payload"});
    let mut node = Harness::of("range").config(config).start().await;
    node.send(message(json!({"payload": payload}))).await;
    let mut stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    stopped.outputs[0].pop().and_then(|msg| msg.payload().cloned())
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"minin": "0", "maxin": "10", "minout": "0", "maxout": "100", "action": "roll", "round": true,
        "property": "payload"});
    assert_compliant(linked("range"), config).await;
}

#[tokio::test(start_paused = true)]
async fn numbers_are_mapped() {
    for (action, range, round, payload, expected) in [
        ("scale", [0, 100, 0, 1000], false, json!(50), json!(500)),
        ("scale", [0, 10, 0, 3], true, json!("5"), json!(2)),
        ("scale", [0, 10, 0, 100], false, json!(20), json!(200)),
        ("scale", [10, 0, 0, 100], false, json!(2), json!(80)),
        ("clamp", [0, 10, 0, 1000], false, json!(111), json!(1000)),
        ("clamp", [10, 0, 0, 1000], false, json!(-1), json!(1000)),
        ("roll", [0, 10, 0, 1000], true, json!(12), json!(200)),
        ("roll", [0, 10, 0, 1000], true, json!(-1), json!(900)),
        ("drop", [0, 10, 0, 1000], false, json!(10), json!(1000)),
        ("scale", [0, 10, 0, 1], true, json!(-25), json!(-2)),
    ] {
        let mapped = map(action, range, round, payload.clone()).await;
        assert_eq!(mapped, Some(expected.into()), "{action} {range:?} {payload}");
    }
    assert_eq!(map("drop", [0, 10, 0, 1], false, json!(11)).await, None);
    assert_eq!(map("drop", [0, 10, 0, 1], false, json!(-1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_number_is_logged_and_what_is_missing_passes() {
    let mut node = Harness::of("range")
        .config(json!({"minin": 0, "maxin": 1, "minout": 0, "maxout": 1}))
        .start()
        .await;
    node.send(message(json!({"payload": "NOT A NUMBER"}))).await;
    assert_eq!(node.logs(), [(Level::Info, "Not a number: NOT A NUMBER".to_owned())]);
    node.send(message(json!({"topic": "t"}))).await;
    assert_eq!(node.stop().await.outputs[0].len(), 1);
}

#[tokio::test]
async fn problems_are_named() {
    let problems = Harness::of("range").config(json!({"action": "x", "minin": "a"})).problems();
    assert_eq!(
        problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(),
        ["action", "minin"]
    );
}

//! What functions do with `undefined`, dates and BigInts, which JSON does not know.

use ferrowire::{BigInt, Date, Map, Message, Value};
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Harness, Stopped, json, message};
use serde_json::Value as Json;

async fn start(code: &str) -> Harness {
    Harness::of("function").config(json!({"func": code, "outputs": 3})).start().await
}

/// What the code makes of a message, without the message's id.
async fn run(code: &str, msg: Json) -> Value {
    let mut node = start(code).await;
    let made = next(&mut node, Map::from(message(msg)).into()).await;
    assert_clean(node.stop().await);
    made
}

fn assert_clean(stopped: Stopped) {
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    assert!(stopped.logs.is_empty(), "{:?}", stopped.logs);
}

/// What `node` makes of `msg`, without the message's id.
async fn next(node: &mut Harness, msg: Value) -> Value {
    node.send(Message::from(msg.as_object().cloned().unwrap_or_default())).await;
    let mut msg = node.next_output(0).await;
    msg.remove("_msgid");
    msg.into()
}

#[tokio::test(start_paused = true)]
async fn undefined_dates_and_big_ints_go_out_and_come_back() {
    let code = "class Day extends Date {}
        return {u: undefined, list: [undefined, , new Date(NaN), -5n], inner: {u: undefined},
            date: new Date(1.5), day: new Day(86400000), huge: 2n ** 64n, payload: 1};";
    let made = run(code, json!({})).await;
    let date = |millis| Value::from(Date::from_millis(millis));
    let list = vec![Value::Undefined, Value::Undefined, date(f64::NAN), BigInt::from(-5).into()];
    let expected = Map::from_iter([
        ("u", Value::Undefined),
        ("list", list.into()),
        ("inner", Map::from_iter([("u", Value::Undefined)]).into()),
        ("date", date(1.0)),
        ("day", date(86_400_000.0)),
        ("huge", BigInt::parse("18446744073709551616").unwrap().into()),
        ("payload", 1.into()),
    ]);
    assert_eq!(made, expected.into());
    let all = "const seen = (value) => Object.prototype.toString.call(value);
        msg.seen = [seen(msg.date), msg.date.getTime(), msg.day.toISOString(), typeof msg.huge,
            msg.huge === 2n ** 64n, 'u' in msg, 'u' in msg.inner, msg.list.map(seen).join()];
        return msg;";
    let some = "const seen = (value) => Object.prototype.toString.call(value);
        msg.seen = [seen(msg.date), msg.date.getTime(), msg.day.toISOString(), typeof msg.huge,
            msg.huge === 2n ** 64n, true, 'u' in msg.inner, msg.list.map(seen).join()];
        return msg;";
    let types = "[object Undefined],[object Undefined],[object Date],[object BigInt]";
    let seen =
        json!(["[object Date]", 1, "1970-01-02T00:00:00.000Z", "bigint", true, true, true, types]);
    for code in [all, some] {
        let mut node = start(code).await;
        let mut again = next(&mut node, made.clone()).await;
        let found = again.as_object_mut().unwrap().remove("seen");
        assert_eq!(found, Some(seen.clone().into()), "{code}");
        assert_eq!(again, made, "{code}");
        assert_clean(node.stop().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_property_that_is_set_to_undefined_stays_in_the_message() {
    let set =
        run("msg.payload = undefined; msg.b = undefined; return msg;", json!({"payload": 1})).await;
    let properties = set.as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["payload", "b"]);
    assert!(properties.iter().all(|(_, value)| value.is_undefined()));
    assert_eq!(
        run("if (msg.c) msg.c = 1; return msg;", json!({"b": 1})).await,
        json!({"b": 1}).into()
    );
    assert_eq!(run("delete msg.b; return msg;", json!({"b": 1})).await, json!({}).into());
}

#[tokio::test(start_paused = true)]
async fn contexts_keep_undefined_dates_and_big_ints() {
    let mut node = start(
        "if (msg.payload === 'set') {
            flow.set('kept', {when: new Date(5), list: [undefined, 7n], u: undefined});
            flow.set('gone', 1); flow.set('gone', undefined);
            return msg;
        }
        const kept = flow.get('kept');
        kept.when.setTime(6);
        return {payload: [flow.get('kept').when.getTime(), flow.get('kept.when') instanceof Date,
            kept.list[0] === undefined, kept.list[1] === 7n, 'u' in kept, flow.keys().join()]};",
    )
    .await;
    next(&mut node, json!({"payload": "set"}).into()).await;
    let got = next(&mut node, json!({"payload": "get"}).into()).await;
    assert_eq!(got, json!({"payload": [6, true, true, true, true, "kept"]}).into());
    assert_clean(node.stop().await);
}

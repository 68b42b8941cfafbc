//! The sequences that `split` creates from messages.

use ferrowire::{Message, Value};
use ferrowire_plugin_split_join as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn split_all(config: Json, messages: Vec<Message>) -> Vec<Message> {
    let mut node = Harness::of("split").config(config).start().await;
    for msg in messages {
        node.send(msg).await;
    }
    let mut stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    stopped.outputs.remove(0)
}

/// Checks the pieces of a payload: their payloads, and `msg.parts` without its id.
async fn assert_split(config: Json, payload: impl Into<Value>, expected: Json) {
    let pieces = split_all(config.clone(), vec![Message::with_payload(payload)]).await;
    let mut list = Vec::new();
    for mut msg in pieces {
        let mut parts = msg.remove("parts").unwrap_or_default();
        let id = parts.as_object_mut().and_then(|parts| parts.remove("id"));
        assert!(id.is_some_and(|id| id.as_str().is_some_and(|id| id.len() == 16)));
        list.push(Value::from(vec![msg.payload().cloned().unwrap_or_default(), parts]));
    }
    // As JSON, in which buffers can be written as well.
    let list: Result<Json, _> = serde_json::from_str(&Value::from(list).to_json());
    assert_eq!(list.ok().map(Value::from), Some(expected.into()), "{config}");
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    for stream in [true, false] {
        let config = json!({"splt": "\\n", "spltType": "str", "arraySplt": 1, "arraySpltType": "len", "stream": stream,
            "addname": "topic", "property": "payload"});
        assert_compliant(linked("split"), config).await;
    }
}

#[tokio::test(start_paused = true)]
async fn arrays_and_objects_are_split() {
    assert_split(json!({}), json!([1, "b"]), json!([
        [1, {"type": "array", "len": 1, "count": 2, "index": 0}], ["b", {"type": "array", "len": 1, "count": 2, "index": 1}]])).await;
    assert_split(json!({"arraySplt": "2"}), json!([1, 2, 3]), json!([
        [[1, 2], {"type": "array", "len": 2, "count": 2, "index": 0}], [[3], {"type": "array", "len": 2, "count": 2, "index": 1}]])).await;
    assert_split(json!({}), json!({"a": 1, "b": "2"}), json!([
        [1, {"type": "object", "count": 2, "key": "a", "index": 0}], ["2", {"type": "object", "count": 2, "key": "b", "index": 1}]])).await;
    assert_split(json!({}), json!([]), json!([])).await;
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_property_goes_where_it_should() {
    let pieces = split_all(
        json!({"addname": "a.name"}),
        vec![Message::with_payload(Value::from(json!({"x": 1})))],
    )
    .await;
    assert_eq!(pieces[0].get("a"), Some(&json!({"name": "x"}).into()));
}

#[tokio::test(start_paused = true)]
async fn a_name_without_room_is_left_out() {
    let msg = Message::with_payload(Value::from(json!({"x": 1})));
    let pieces = split_all(json!({"addname": "payload.name"}), vec![msg]).await;
    assert_eq!(pieces[0].payload(), Some(&1.into()));
}

#[tokio::test(start_paused = true)]
async fn a_type_of_separator_that_is_none_splits_arrays_and_fails_texts() {
    let config = json!({"splt": "\\n", "spltType": "arr"});
    assert_split(config.clone(), json!([1, 2]), json!([
        [1, {"type": "array", "len": 1, "count": 2, "index": 0}], [2, {"type": "array", "len": 1, "count": 2, "index": 1}]])).await;
    let mut node = Harness::of("split").config(config).start().await;
    node.send(Message::with_payload("a\nb")).await;
    assert!(node.next_error().await.starts_with("invalid separator type `arr`"));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn texts_are_split_by_a_text_bytes_or_length() {
    let parts =
        |ch: Json, index: i32| json!({"type": "string", "ch": ch, "count": 2, "index": index});
    assert_split(
        json!({}),
        "a\nb",
        json!([["a", parts(json!("\n"), 0)], ["b", parts(json!("\n"), 1)]]),
    )
    .await;
    assert_split(
        json!({"splt": "\\t-", "spltType": "str"}),
        "a\t-b",
        json!([["a", parts(json!("\t-"), 0)], ["b", parts(json!("\t-"), 1)]]),
    )
    .await;
    assert_split(
        json!({"splt": "[49,50]", "spltType": "bin"}),
        "a12b",
        json!([["a", parts(json!([49, 50]), 0)], ["b", parts(json!([49, 50]), 1)]]),
    )
    .await;
    let parts =
        |index: i32| json!({"type": "string", "ch": "", "len": 2, "count": 2, "index": index});
    assert_split(
        json!({"splt": "2", "spltType": "len"}),
        "abc",
        json!([["ab", parts(0)], ["c", parts(1)]]),
    )
    .await;
    assert_split(
        json!({"splt": "2", "spltType": "len"}),
        "é\u{20ac}ü",
        json!([["é\u{20ac}", parts(0)], ["ü", parts(1)]]),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn buffers_are_split_by_a_text_bytes_or_length() {
    let buffer = |bytes: &[u8]| json!({"type": "Buffer", "data": bytes});
    let parts =
        |ch: Json, index: i32| json!({"type": "buffer", "ch": ch, "count": 2, "index": index});
    for (bytes, last) in [(&b"a,b"[..], &b"b"[..]), (b"a,bc,", b"bc")] {
        let expected =
            json!([[buffer(b"a"), parts(json!(","), 0)], [buffer(last), parts(json!(","), 1)]]);
        assert_split(json!({"splt": ",", "spltType": "str"}), bytes.to_vec(), expected).await;
    }
    let expected =
        json!([[buffer(&[1]), parts(json!([0]), 0)], [buffer(&[2]), parts(json!([0]), 1)]]);
    assert_split(json!({"splt": "[0]", "spltType": "bin"}), vec![1u8, 0, 2], expected).await;
    let parts =
        |index: i32| json!({"type": "buffer", "ch": "", "len": 2, "count": 2, "index": index});
    let expected = json!([[buffer(&[1, 2]), parts(0)], [buffer(&[3]), parts(1)]]);
    assert_split(json!({"splt": "2", "spltType": "len"}), vec![1u8, 2, 3], expected).await;
}

async fn streamed(config: Json, payloads: Vec<Value>) -> Vec<String> {
    let messages = payloads.into_iter().map(Message::with_payload).collect();
    let brief = |msg: Message| {
        let parts = msg.get("parts").cloned().unwrap_or_default();
        assert_eq!(parts.get("count"), None);
        let index = parts.get("index").cloned().unwrap_or_default();
        format!("{} {}", index.to_json(), msg.payload().cloned().unwrap_or_default().to_json())
    };
    split_all(config, messages).await.into_iter().map(brief).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_in_the_next_message() {
    let texts = || ["1,2", "3,", "4,5"].map(Value::from).to_vec();
    let config = json!({"splt": ",", "spltType": "str", "stream": true});
    assert_eq!(streamed(config, texts()).await, ["0 \"1\"", "1 \"23\"", "2 \"4\""]);
    let config = json!({"splt": "2", "spltType": "len", "stream": true});
    assert_eq!(
        streamed(config.clone(), texts()).await,
        ["0 \"1,\"", "1 \"23\"", "2 \",4\"", "3 \",5\""]
    );
    let bytes = |bytes: &[u8]| Value::from(bytes.to_vec());
    let printed = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let line = |n: i32, b: &[u8]| format!("{n} {{\"type\":\"Buffer\",\"data\":[{}]}}", printed(b));
    assert_eq!(
        streamed(config, vec![bytes(&[1]), bytes(&[2, 3]), bytes(&[4])]).await,
        [line(0, &[1, 2]), line(1, &[3, 4])]
    );
    let config = json!({"splt": "[0]", "spltType": "bin", "stream": true});
    assert_eq!(
        streamed(config, vec![bytes(&[1, 0, 2]), bytes(&[3, 0])]).await,
        [line(0, &[1]), line(1, &[2, 3])]
    );
}

#[tokio::test(start_paused = true)]
async fn sequences_are_nested_and_other_properties_split() {
    let msg = message(json!({"_msgid": "m", "a": {"b": "x\ny"}, "parts": {"id": "outer"}}));
    let pieces = split_all(json!({"property": "a.b"}), vec![msg]).await;
    let parts = pieces[1].get("parts");
    assert_eq!(parts.and_then(|parts| parts.get("parts")), Some(&json!({"id": "outer"}).into()));
    assert_eq!(parts.and_then(|parts| parts.get("property")), Some(&"a.b".into()));
    assert_eq!(pieces[1].get("a"), Some(&json!({"b": "y"}).into()));
    assert_ne!(pieces[0].id(), pieces[1].id());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_split_is_dropped_and_too_much_is_an_error() {
    let messages = vec![Message::with_payload(5), Message::with_payload(true), Message::new()];
    assert!(split_all(json!({}), messages).await.is_empty());
    let mut node = Harness::of("split").config(json!({})).start().await;
    node.send(Message::with_payload(Value::Null)).await;
    assert_eq!(node.next_error().await, "null cannot be split");
    node.send(Message::with_payload("\n".repeat(2 << 20))).await;
    assert!(node.next_error().await.contains("more than 1048576 messages"));
    node.stop().await;
}

#[tokio::test]
async fn problems_are_named() {
    for (config, property) in [
        (json!({"splt": "0", "spltType": "len"}), "splt"),
        (json!({"splt": "x", "spltType": "bin"}), "splt"),
        (json!({"splt": "[]", "spltType": "bin"}), "splt"),
        (json!({"arraySplt": 0}), "arraySplt"),
        (json!({"addname": "a..b"}), "addname"),
    ] {
        let problems = Harness::of("split").config(config).problems();
        assert_eq!(problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(), [property]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_a_stream_is_complete_when_it_leaves() {
    let config = json!({"stream": true, "splt": "4", "spltType": "len"});
    let mut node = Harness::of("split").config(config).watched().start().await;
    let part = |id: &str, text: &str| message(json!({"_msgid": id, "payload": text}));
    for (id, text) in [("1", "ab"), ("2", "c"), ("3", "defgh"), ("4", "ijkl")] {
        node.send(part(id, text)).await;
    }
    let pieces: Vec<_> = node.outputs(0).iter().filter_map(|msg| msg.payload().cloned()).collect();
    assert_eq!(pieces, ["abcd".into(), "efgh".into(), Value::from("ijkl")]);
    let mut done = Vec::new();
    for _ in 0..4 {
        done.push(node.next_completed().await.id().unwrap_or_default().to_owned());
    }
    assert_eq!(done, ["1", "2", "3", "4"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_separator_may_come_in_two_halves() {
    for (kind, separator) in [("str", "\\r\\n"), ("bin", "[13, 10]")] {
        let config = json!({"stream": true, "splt": separator, "spltType": kind});
        for parts in [["a\r", "\nb\r", "\n"], ["a", "\r\n", "b\r\n"], ["a\r\nb", "\r", "\n"]] {
            let texts = parts.map(Message::with_payload).to_vec();
            let bytes = parts.map(|part| Message::with_payload(part.as_bytes().to_vec())).to_vec();
            for (messages, expected) in [
                (texts, [Value::from("a"), "b".into()]),
                (bytes, [b"a".to_vec().into(), b"b".to_vec().into()]),
            ] {
                let pieces = split_all(config.clone(), messages).await;
                let pieces: Vec<_> =
                    pieces.iter().filter_map(|msg| msg.payload().cloned()).collect();
                assert_eq!(pieces, expected, "{parts:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_separator_is_an_error_at_its_bound() {
    let mut node = Harness::of("split").config(json!({"stream": true})).start().await;
    let chunk = Message::with_payload("x".repeat(16 << 20));
    for _ in 0..5 {
        node.send(chunk.clone()).await;
    }
    assert_eq!(
        node.next_error().await,
        "no separator in more than 67108864 bytes, they were dropped"
    );
    node.send(Message::with_payload("a\nb")).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"a".into()), "it goes on");
    node.stop().await;
}

//! CSV text and objects, in both modes.

#![expect(clippy::unwrap_used, reason = "tests")]

use ferrowire::{Level, Message, Value};
use ferrowire_plugin_csv as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use proptest::prelude::*;
use serde_json::Value as Json;

const MODES: [&str; 2] = ["", "rfc"];

fn with(mode: &str, changes: Json) -> Json {
    let mut config = json!({"spec": mode, "sep": ",", "ret": "\\n"});
    config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    config
}

/// The messages that the node sends, and its errors.
async fn run(config: Json, messages: Vec<Json>) -> (Vec<Json>, Vec<String>) {
    let mut node = Harness::of("csv").config(config).start().await;
    for msg in messages {
        node.send(message(msg)).await;
    }
    let mut stopped = node.stop().await;
    let json = |msg: Message| serde_json::from_str(&msg.to_json()).unwrap();
    (std::mem::take(&mut stopped.outputs[0]).into_iter().map(json).collect(), stopped.errors)
}

async fn payloads(config: Json, payload: impl Into<Json>) -> Vec<Json> {
    let (sent, errors) = run(config, vec![json!({"payload": payload.into()})]).await;
    assert!(errors.is_empty(), "{errors:?}");
    sent.into_iter().map(|msg| msg["payload"].clone()).collect()
}

/// The array that a text becomes.
async fn read(mode: &str, config: Json, text: &str) -> Json {
    let mut config = with(mode, config);
    config["multi"] = json!("mult");
    payloads(config, text).await.pop().unwrap()
}

async fn written(mode: &str, config: Json, payload: Json) -> String {
    payloads(with(mode, config), payload).await[0].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    for mode in MODES {
        let config = with(mode, json!({"temp": "a,b", "hdrin": true, "hdrout": "once", "skip": 1}));
        assert_compliant(linked("csv"), config).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rows_become_objects_with_the_names_of_the_columns() {
    for mode in MODES {
        let config = json!({"temp": "a,b,,d"});
        let text = "1,x,2,-1.5\n\"q \"\"w\"\", \",,3,007\n";
        let expected = json!([{"a": 1, "b": "x", "d": -1.5}, {"a": "q \"w\", ", "d": "007"}]);
        assert_eq!(read(mode, config, text).await, expected, "{mode}");
        assert_eq!(read(mode, json!({}), "1,2\n").await, json!([{"col1": 1, "col2": 2}]));
        let text = "n,\"o, p\"\n1,2\n";
        assert_eq!(read(mode, json!({"hdrin": true}), text).await, json!([{"n": 1, "o, p": 2}]));
    }
}

#[tokio::test(start_paused = true)]
async fn empty_cells_and_texts_are_kept_if_asked_for() {
    for mode in MODES {
        let text = "1,,\"\",x";
        let columns = json!({"temp": "a,b,c,d", "include_null_values": true});
        assert_eq!(read(mode, columns, text).await, json!([{"a": 1, "b": null, "d": "x"}]));
        let columns = json!({"temp": "a,b,c,d", "include_empty_strings": true});
        assert_eq!(read(mode, columns, text).await, json!([{"a": 1, "c": "", "d": "x"}]));
        let columns = json!({"temp": "a,b,c,d", "strings": false});
        assert_eq!(read(mode, columns, text).await, json!([{"a": "1", "d": "x"}]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_begins_with_a_separator_has_an_empty_first_cell() {
    for mode in MODES {
        let config = json!({"temp": "a,b", "include_null_values": true});
        let expected = json!([{"a": null, "b": 1}, {"a": null, "b": 2}]);
        assert_eq!(read(mode, config, ",1\n,2").await, expected, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_row_becomes_a_message_with_its_place() {
    for mode in MODES {
        let config = with(mode, json!({"temp": "a,\"b,b\""}));
        let msg = json!({"payload": "1,2\n3,4\n", "topic": "t", "_msgid": "id"});
        let (sent, _) = run(config, vec![msg]).await;
        assert_eq!(sent[1]["payload"], json!({"a": 3, "b,b": 4}));
        assert_eq!(sent[1]["parts"], json!({"id": "id", "index": 1, "count": 2}));
        assert_eq!((&sent[1]["columns"], &sent[1]["topic"]), (&json!("a,\"b,b\""), &json!("t")));
    }
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_sequence_become_one_array() {
    for mode in MODES {
        let config = with(mode, json!({"multi": "mult", "hdrin": true}));
        let part = |text: &str, index: u32, count: Option<u32>| {
            let mut parts = json!({"id": "s", "index": index});
            if let Some(count) = count {
                parts["count"] = count.into();
            }
            json!({"payload": text, "parts": parts})
        };
        let lines = vec![part("a,b", 0, None), part("1,2", 1, None), part("3,4", 2, Some(3))];
        let (sent, errors) = run(config, lines).await;
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0]["payload"], json!([{"a": 1, "b": 2}, {"a": 3, "b": 4}]));
        assert!(sent[0].get("parts").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_row_of_a_sequence_completes_it() {
    for mode in MODES {
        let config = with(mode, json!({"temp": "a", "skip": 1}));
        let part = |text: &str, index: u32| json!({"payload": text, "parts": {"id": "s", "index": index, "count": 3}});
        let (sent, _) = run(config, vec![part("no", 0), part("1", 1), part("2", 2)]).await;
        let parts: Vec<_> = sent.iter().map(|msg| msg["parts"].clone()).collect();
        assert_eq!(parts[0], json!({"id": "s", "index": 0, "count": 2}));
        assert_eq!(parts[1], json!({"id": "s", "index": 1, "count": 2}));
        assert_eq!((sent[0].get("complete"), &sent[1]["complete"]), (None, &json!(true)));
    }
}

#[tokio::test(start_paused = true)]
async fn lines_at_the_beginning_are_skipped() {
    for mode in MODES {
        let config = json!({"skip": "2", "hdrin": true});
        let text = "# one\n# two\na,b\n1,2\n";
        assert_eq!(read(mode, config, text).await, json!([{"a": 1, "b": 2}]), "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_separator_may_be_any_character() {
    for mode in MODES {
        for (separator, character) in [("\\t", "\t"), (";", ";"), (" ", " "), ("§", "§")] {
            let config = json!({"sep": separator, "temp": "a,b,c"});
            let text = format!("1{character}\"x{character}\"{character}¦");
            let expected = json!([{"a": 1, "b": format!("x{character}"), "c": "¦"}]);
            assert_eq!(read(mode, config, &text).await, expected, "{separator}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn objects_become_lines() {
    for mode in MODES {
        let value = json!([{"a": 1, "b": "x,y", "c": {"d": 1}}, {"a": "q\"w", "b": null}]);
        let text = written(mode, json!({"temp": "a,b,,c"}), value.clone()).await;
        assert_eq!(text, "1,\"x,y\",,\"{\"\"d\"\":1}\"\n\"q\"\"w\",null,,\n", "{mode}");
        let text = written(mode, json!({"hdrout": "all", "sep": ";"}), json!([{"a;b": 1}])).await;
        assert_eq!(text, "\"a;b\"\n1\n", "{mode}");
        assert_eq!(written(mode, json!({}), json!({"a": true, "b": "l"})).await, "true,l\n");
        assert_eq!(written(mode, json!({}), json!([1, "two", "3,4"])).await, "1,two,\"3,4\"\n");
        assert_eq!(
            written(mode, json!({}), json!([[1, 2], ["a\nb", 4]])).await,
            "1,2\n\"a\nb\",4\n"
        );
        assert_eq!(written(mode, json!({}), json!([])).await, "\n");
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_sent_once_until_a_reset() {
    for mode in MODES {
        let config = with(mode, json!({"temp": "a", "hdrout": "once"}));
        let row = json!({"payload": {"a": 1}});
        let messages = vec![row.clone(), row.clone(), json!({"reset": true}), row];
        let (sent, _) = run(config, messages).await;
        let texts: Vec<_> = sent.iter().map(|msg| msg["payload"].clone()).collect();
        assert_eq!(texts, [json!("a\n1\n"), json!("1\n"), json!("a\n1\n")], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_message_may_name_the_columns() {
    for mode in MODES {
        let msg = json!({"payload": {"a": 1, "b": 2}, "columns": "b,a"});
        let (sent, _) = run(with(mode, json!({})), vec![msg]).await;
        assert_eq!((&sent[0]["payload"], &sent[0]["columns"]), (&json!("2,1\n"), &json!("b,a")));
    }
}

#[tokio::test(start_paused = true)]
async fn missing_columns_are_warned_of_once() {
    for mode in MODES {
        let mut node = Harness::of("csv").config(with(mode, json!({}))).start().await;
        for _ in 0..2 {
            node.send(message(json!({"payload": {"a": 1}}))).await;
        }
        let logs = node.stop().await.logs;
        let text = "No columns template specified for object -> CSV.".to_owned();
        assert_eq!(logs, [(Level::Warn, text)], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_values_are_refused() {
    let text = "This node only handles CSV strings or js objects.";
    let (sent, errors) = run(with("rfc", json!({})), vec![json!({"payload": 1})]).await;
    assert!(sent.is_empty() && errors == [format!("Error: {text}")], "{errors:?}");
    let mut node = Harness::of("csv").config(with("", json!({}))).start().await;
    node.send(message(json!({"payload": true}))).await;
    node.send(message(json!({"topic": "passes"}))).await;
    let stopped = node.stop().await;
    assert_eq!(stopped.logs, [(Level::Warn, text.to_owned())]);
    assert_eq!(stopped.outputs[0].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn malformed_names_disable_the_strict_mode() {
    let config = with("rfc", json!({"temp": "a,b\"c"}));
    let mut node = Harness::of("csv").config(config).start().await;
    node.send(message(json!({"payload": "1,2"}))).await;
    let stopped = node.stop().await;
    assert_eq!(stopped.statuses.last().unwrap().text.as_str(), "Malformed columns template.");
    assert!(stopped.outputs[0].is_empty() && stopped.errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn malformed_names_in_a_text_fail_it_in_the_strict_mode() {
    for (text, error) in [
        ("a,b\"c\n1", "UnquotedQuoteError: Quote found in the middle of an unquoted field"),
        ("\"a\"b\n1", "DataAfterCloseError: Data found after closing quote"),
        ("\"a\n1", "ParseError: Missing quote, unclosed cell"),
    ] {
        let config = with("rfc", json!({"hdrin": true}));
        let (_, errors) = run(config, vec![json!({"payload": text})]).await;
        assert_eq!(errors, [error]);
    }
}

#[tokio::test(start_paused = true)]
async fn quotes_at_a_wrong_place_lose_no_data_in_the_strict_mode() {
    for (text, expected) in [("a\"b,c", "a\"b"), ("\"a\" b,c", "a\" b"), ("a\",c", "a")] {
        let config = json!({"temp": "a,b"});
        assert_eq!(read("rfc", config, text).await, json!([{"a": expected, "b": "c"}]), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn text_that_ends_within_quotes_is_warned_of_in_the_legacy_mode() {
    let mut node = Harness::of("csv").config(with("", json!({}))).start().await;
    node.send(message(json!({"payload": "a,\"b\nc"}))).await;
    let stopped = node.stop().await;
    let text = "Malformed CSV data - output probably corrupt.".to_owned();
    assert_eq!(stopped.logs, [(Level::Warn, text)]);
    assert_eq!(stopped.outputs[0][0].payload().unwrap().to_json(), r#"{"col1":"a","col2":"b\nc"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_line_with_too_many_columns_fails() {
    for mode in MODES {
        for payload in [",".repeat(1 << 20), "1,".repeat(1 << 20)] {
            let (_, errors) = run(with(mode, json!({})), vec![json!({"payload": payload})]).await;
            assert_eq!(errors, ["the CSV has a line with more than 65536 columns"], "{mode}");
        }
        let wide = json!({"payload": [{}], "columns": ",".repeat(1 << 20)});
        let (_, errors) = run(with(mode, json!({})), vec![wide]).await;
        assert_eq!(errors, ["the CSV has a line with more than 65536 columns"], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_huge_cell_is_one_cell() {
    for mode in MODES {
        let cell = "x\n".repeat(1 << 20);
        let value = read(mode, json!({"temp": "a"}), &format!("\"{cell}\"")).await;
        assert_eq!(value[0]["a"].as_str().map(str::len), Some(cell.len()), "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_written_fails() {
    let rows = json!({"payload": [[null]]});
    let (_, errors) = run(with("", json!({})), vec![rows]).await;
    assert_eq!(errors, ["TypeError: Cannot read properties of null (reading 'toString')"]);
    let rows = json!({"payload": [{"a": 1}, 5]});
    let (_, errors) = run(with("", json!({})), vec![rows]).await;
    assert_eq!(errors, ["TypeError: Cannot read properties of undefined (reading 'length')"]);
    for mode in MODES {
        let config = with(mode, json!({"hdrout": "all"}));
        let (_, errors) = run(config, vec![json!({"payload": []})]).await;
        assert_eq!(errors, ["TypeError: Cannot convert undefined or null to object"], "{mode}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same(
        mode in 0usize..2,
        rows in proptest::collection::vec(("[a-zA-Z,\" \n]{1,6}x", "[a-z0-9,\"]{0,6}y"), 1..6)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let rows: Json = rows.into_iter().map(|(a, b)| json!({"a": a, "b": b})).collect();
        runtime.block_on(async {
            let config = json!({"temp": "a,b"});
            let text = written(MODES[mode], config.clone(), rows.clone()).await;
            assert_eq!(read(MODES[mode], config, &text).await, rows, "{text}");
        });
    }

    #[test]
    fn no_text_makes_it_panic(mode in 0usize..2, text in "[a,\"\r\n\\\\0-9. é§]{0,40}", names in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = with(MODES[mode], json!({
            "hdrin": names, "skip": 1, "include_null_values": true, "include_empty_strings": true
        }));
        let (_, errors) = runtime.block_on(run(config, vec![json!({"payload": text})]));
        assert!(errors.iter().all(|error| !error.contains("panic")), "{errors:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_and_a_buffer_are_rows_too() {
    for mode in MODES {
        let mut node = Harness::of("csv").config(with(mode, json!({}))).start().await;
        node.send(Message::with_payload(Value::from(vec![1u8, 2]))).await;
        let stopped = node.stop().await;
        assert_eq!(stopped.outputs[0][0].payload(), Some(&"1,2\n".into()), "{mode}");
    }
}

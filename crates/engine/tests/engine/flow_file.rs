//! Reading and writing valid and invalid flow files.

use ferrowire_engine::{FlowFile, FlowFileError};

fn error(text: &str) -> String {
    FlowFile::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn unknown_properties_and_types_survive() {
    let text = r#"[{"id":"a","type":"no such","x":1.5,"wires":[["b"]],"odd":{"deep":[null,true]}},{"id":"b","type":"tab","label":"Ä"}]"#;
    let file = FlowFile::parse(text.as_bytes()).unwrap();
    assert_eq!(file.to_json(), text);
    assert_eq!(file.nodes().len(), 2);
}

#[test]
fn the_form_with_a_revision_is_read_and_kept() {
    let text = r#"{"flows":[{"id":"a","type":"tab"}],"rev":"7","credentials":{"x":1}}"#;
    let file = FlowFile::parse(text.as_bytes()).unwrap();
    assert_eq!(file.to_json(), text);
    let bare = FlowFile::parse(br#"[{"id":"a","type":"tab"}]"#).unwrap();
    assert_eq!(file.rev(), bare.rev());
}

#[test]
fn the_revision_is_the_one_that_node_red_computes() {
    let file = FlowFile::parse(b"[]").unwrap();
    assert_eq!(&*file.rev(), "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert!(FlowFile::parse(b"\xef\xbb\xbf[]").is_ok());
}

#[test]
fn invalid_json_is_reported_with_line_and_column() {
    let error = FlowFile::parse(b"[\n  {\"id\": \"a\" \"type\": 1}\n]").unwrap_err();
    let FlowFileError::NotJson { line, column, reason } = &error else { panic!("{error:?}") };
    assert_eq!((*line, *column), (2, 14));
    assert_eq!(reason, "expected `,` or `}`");
    assert_eq!(error.to_string(), "invalid JSON at line 2, column 14: expected `,` or `}`");
    assert!(self::error("").starts_with("invalid JSON at line 1, column 0: EOF"));
    assert!(FlowFile::parse(b"[\"\xff\"]").is_err());
    assert!(FlowFile::parse("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn anything_but_a_list_of_nodes_is_refused() {
    for (text, found) in [
        ("5", "found a number"),
        ("{}", "found an object without `flows`"),
        (r#"{"flows":"a"}"#, "found a string"),
        ("null", "found `null`"),
    ] {
        assert!(error(text).contains(found), "{text}: {}", error(text));
    }
    let text = error(r#"[{"id":"a","type":"tab"},7]"#);
    assert_eq!(text, "expected an object as item 2 of the array of nodes, found a number");
}

#[test]
fn a_node_without_id_or_type_is_reported_with_what_identifies_it() {
    assert_eq!(
        error(r#"[{"type":"tab","label":"Chat"}]"#),
        "item 1 of the array of nodes (type `tab`, label `Chat`) has no `id`; \
         set it to a string that is not empty"
    );
    assert!(error(r#"[{"id":"a","type":""}]"#).contains("(id `a`) has no `type`"));
    assert!(error(r#"[{}]"#).contains("(nameless) has no `id`"));
}

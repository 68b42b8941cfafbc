//! The API compared with Node-RED's responses, recorded by `record.mjs`.

use serde_json::Value;

use crate::support::{Answer, Runtime};

/// Paths that need the editor's files, which are missing without npm.
const EDITOR: &[&str] = &[
    "/locales/",
    "/icons",
    "/nodes",
    "/red/",
    "/debug/view",
    "/theme",
    "/library/examples",
    "/favicon",
];

const RECORDED: &str = include_str!("recorded.json");

#[tokio::test]
async fn answers_are_those_of_node_red() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &["--runtime-state", "true"]).await;
    let table: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    assert!(table.len() > 100);
    let has_editor = runtime.has_editor().await;
    let mut differences = Vec::new();
    for entry in &table {
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        let headers: Vec<(&str, &str)> = entry["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let body = text("body").as_bytes();
        let needs_editor =
            text("path") == "/" || EDITOR.iter().any(|path| text("path").starts_with(path));
        if needs_editor && !has_editor {
            continue;
        }
        let answer = runtime.ask(text("method"), text("path"), &headers, body).await;
        if let Some(difference) = difference(entry, &answer) {
            differences.push(format!(
                "{} {} {}: {difference}",
                text("method"),
                text("path"),
                text("body").chars().take(60).collect::<String>()
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn difference(entry: &Value, answer: &Answer) -> Option<String> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    // Two names of one media type.
    let kind = kind.replace("text/javascript", "application/javascript");
    if u64::from(answer.status) != entry["status"].as_u64().unwrap() || kind != text("type") {
        let body = String::from_utf8_lossy(&answer.body).chars().take(200).collect::<String>();
        return Some(format!(
            "{} `{kind}` instead of {} `{}`: {body}",
            answer.status,
            entry["status"],
            text("type")
        ));
    }
    let is_json = kind == "application/json";
    let theirs = || -> Value { serde_json::from_str(text("answer")).unwrap() };
    let same = match text("as") {
        "same" if is_json => answer.json() == theirs(),
        "same" => answer.body == text("answer").as_bytes() || is_page(answer, text("answer")),
        "hash" => hash(is_json, answer) == text("answer"),
        "shape" => has_shape(&answer.json(), &theirs()),
        "within" => {
            let (ours, theirs) = (answer.json(), theirs());
            let theirs = theirs.as_array().unwrap();
            // The node sets of our own crates are no entries of Node-RED's list.
            let is_node_reds =
                |item: &&Value| item["module"].as_str().is_none_or(|it| it == "node-red");
            ours.as_array().unwrap().iter().filter(is_node_reds).all(|item| theirs.contains(item))
        }
        "code" => answer.json()["code"] == theirs()["code"],
        "bad" if is_json => answer.json()["code"] == "unexpected_error",
        "bad" => answer.text().starts_with("<!DOCTYPE html>"),
        "status" => true,
        other => panic!("unknown comparison `{other}`"),
    };
    (!same).then(|| {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        format!("{} instead of {}", shorten(&body), shorten(text("answer")))
    })
}

fn shorten(text: &str) -> String {
    text.chars().take(300).collect()
}

/// Error pages are equal except for white space.
fn is_page(answer: &Answer, theirs: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    theirs.starts_with("<!DOCTYPE") && words(answer.text()) == words(theirs)
}

/// Whether `ours` has all members of `theirs`, with the same types.
fn has_shape(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => theirs
            .iter()
            .all(|(key, theirs)| ours.get(key).is_some_and(|ours| has_shape(ours, theirs))),
        _ => std::mem::discriminant(ours) == std::mem::discriminant(theirs),
    }
}

fn hash(is_json: bool, answer: &Answer) -> String {
    use sha2::{Digest, Sha256};
    let content = match is_json {
        true => sorted(&answer.json()),
        false => answer.text().trim().to_owned(),
    };
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON with sorted members.
fn sorted(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(","))
        }
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>());
            let member = |(key, value): &(&String, &Value)| {
                format!("{}:{}", Value::from(key.as_str()), sorted(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

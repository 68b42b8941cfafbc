//! The log: nobody waits for who reads it, and what repeats is counted.

use std::time::Instant;

use serde_json::{Value, json};

use crate::peer::{client, client_out};
use crate::support::{Runtime, listener, node, tab, with, ws_in, ws_out};

/// Only what everybody sees.
const INFO: &[&str] = &["--log", "info"];

/// Many times as much as the pipe and the queue take.
const MESSAGES: usize = 5_000;

fn long_text(number: usize) -> String {
    format!("{number:08}{}", "x".repeat(1_000))
}

/// Logs each message, and sends it back.
fn logging_echo() -> Value {
    let console = json!({
        "active": true, "tosidebar": false, "console": true, "complete": "payload",
        "targetType": "msg",
    });
    json!([
        tab("tab"),
        listener("l", "/ws"),
        with(ws_in("in", "l", &[]), json!({"wires": [["log", "out"]]})),
        node("log", "debug", console, &[]),
        ws_out("out", "l"),
    ])
}

fn function(id: &str, code: &str, wires: &[&str]) -> Value {
    node(id, "function", json!({"func": code, "outputs": 1}), wires)
}

/// A runtime whose log was not read while it logged more than can wait.
async fn unread() -> Runtime {
    let runtime = Runtime::start_with(logging_echo(), INFO, &[]).await;
    let mut client = runtime.connect("/ws").await;
    for number in 0..MESSAGES {
        client.echo(&long_text(number)).await;
    }
    client.close().await;
    runtime
}

/// The number after `part` in a line.
fn number_after(line: &str, part: &str) -> Option<usize> {
    let (_, rest) = line.split_once(part)?;
    let digits = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

/// How often a line came that is only counted when it repeats.
fn times<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    lines.map(|line| number_after(line, " repeated=").unwrap_or(1)).sum()
}

#[tokio::test]
async fn a_log_that_nobody_reads_does_not_keep_the_runtime_from_ending() {
    let mut runtime = unread().await;
    runtime.signal("-TERM");
    assert_eq!(runtime.ended().await, Some(0));
}

#[tokio::test]
async fn lines_that_were_dropped_are_counted_where_they_are_missing() {
    let mut runtime = unread().await;
    let line = runtime.log_line("log lines were dropped").await;
    assert!(line.contains("WARN"), "{line}");
    let count = line.split_whitespace().find_map(|word| word.parse::<usize>().ok()).unwrap();
    let written = runtime.passed().iter().filter(|line| line.contains("xxx")).enumerate();
    let mut next = 0;
    for (number, line) in written {
        assert!(line.contains(&long_text(number)), "number {number} is {line}");
        next = number + 1;
    }
    assert_eq!(next + count, MESSAGES);
    let mut client = runtime.connect("/ws").await;
    client.echo("there is room again").await;
    runtime.log_line("there is room again").await;
}

#[tokio::test]
async fn a_line_that_comes_for_every_message_is_written_once_a_second() {
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["doubles"]),
        function("doubles", "return [[msg, {payload: 1}]];", &["doubles"]),
    ]);
    let began = Instant::now();
    let mut runtime = Runtime::start_with(nodes, INFO, &[]).await;
    runtime.connect("/ws").await.send("begin").await;
    let text = "1024 messages wait in this loop";
    let mut lines = Vec::new();
    while lines.len() < 3 {
        lines.push(runtime.log_line(text).await);
    }
    let (rest, _) = runtime.terminate().await;
    lines.extend(rest.lines().filter(|line| line.contains(text)).map(str::to_owned));
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    // The last line is written at the end, when its second is not over.
    assert!(lines.len() <= seconds + 2, "{seconds} s: {lines:#?}");
    assert!(times(lines.iter().map(String::as_str)) > lines.len(), "{lines:#?}");
    assert!(lines.iter().all(|line| line.contains("id=doubles")), "{lines:#?}");
}

#[tokio::test]
async fn messages_to_a_client_that_is_not_connected_are_one_warning_and_a_count() {
    let many = "for (let i = 0; i < 1000; i++) node.send({payload: 'm' + i}); return msg;";
    let nodes = json!([
        tab("tab"),
        client("c", "ws://127.0.0.1:1/"),
        listener("l", "/ws"),
        ws_in("in", "l", &["many"]),
        with(function("many", many, &[]), json!({"wires": [["lost", "back"]]})),
        client_out("lost", "c"),
        ws_out("back", "l"),
    ]);
    let runtime = Runtime::start_with(nodes, INFO, &[]).await;
    let mut client = runtime.connect("/ws").await;
    client.send("last").await;
    while client.text().await != "last" {}
    let (log, _) = runtime.terminate().await;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("not connected")).collect();
    assert_eq!(number_after(lines[0], " repeated="), None, "{log}");
    assert!(lines.len() < 100, "{log}");
    assert_eq!(times(lines.into_iter()), 1_001, "{log}");
}

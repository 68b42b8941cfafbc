//! Commands that run, fail, take too long and are killed.

use ferrowire::{Message, Value};
use ferrowire_plugin_exec::{ENABLED, MAX_BUFFER, MAX_PROCESSES};
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn start(config: Json) -> Harness {
    Harness::of("exec").config(config).outputs(3).watched().start().await
}

fn json_of(msg: &Message) -> Json {
    serde_json::from_str(&msg.to_json()).unwrap_or_default()
}

fn payload(msg: &Message) -> Json {
    json_of(msg)["payload"].clone()
}

/// The id of the process that the node shows.
async fn pid(node: &mut Harness) -> f64 {
    loop {
        let status = node.next_status().await;
        let status = status.text.as_str().strip_prefix("pid:").map(str::to_owned);
        if let Some(pid) = status {
            return pid.parse().unwrap_or(0.0);
        }
    }
}

#[tokio::test]
async fn it_keeps_to_the_contract() {
    for spawns in ["true", "false"] {
        let config = json!({"command": "true", "addpay": "", "useSpawn": spawns});
        assert_compliant(linked("exec"), config).await;
    }
}

#[tokio::test]
async fn a_shell_runs_the_command_with_the_payload_and_what_is_appended() {
    let mut node =
        start(json!({"command": "echo a", "addpay": "payload", "append": "| tr a-z A-Z"})).await;
    node.send(message(json!({"payload": "b", "topic": "t"}))).await;
    let printed = json_of(&node.next_output(0).await);
    assert_eq!((&printed["payload"], &printed["topic"]), (&json!("A B\n"), &json!("t")));
    assert_eq!(printed["rc"], json!({"code": 0}));
    assert_eq!(payload(&node.next_output(2).await), json!({"code": 0}));
    assert!(node.outputs(1).is_empty());
    node.next_completed().await;
    node.stop().await;
}

#[tokio::test]
async fn a_failure_has_code_message_and_what_was_printed() {
    let mut node = start(json!({"command": "echo out; echo err >&2; exit 3", "addpay": ""})).await;
    node.send(message(json!({}))).await;
    assert_eq!(payload(&node.next_output(0).await), "out\n");
    assert_eq!(payload(&node.next_output(1).await), "err\n");
    let message = "Command failed: echo out; echo err >&2; exit 3\nerr\n";
    assert_eq!(payload(&node.next_output(2).await), json!({"code": 3, "message": message}));
    node.next_completed().await;
    assert_eq!(
        node.statuses().last().map(|status| status.text.to_string()),
        Some("error:3".into())
    );
    node.stop().await;
}

#[tokio::test]
async fn output_that_is_not_utf8_is_a_buffer() {
    for (spawns, command) in [("true", "printf \\377"), ("false", "printf \\\\377")] {
        let config = json!({"command": command, "addpay": "", "useSpawn": spawns});
        let mut node = start(config).await;
        node.send(message(json!({}))).await;
        let printed = node.next_output(0).await;
        assert_eq!(printed.payload(), Some(&Value::from(vec![255u8])), "{spawns}");
        node.next_output(2).await;
        node.next_completed().await;
        node.stop().await;
    }
}

#[tokio::test]
async fn output_with_control_characters_is_a_buffer_and_other_text_is_not() {
    for (command, expected) in [
        ("printf '\\033[1m'", Value::from(b"\x1b[1m".to_vec())),
        ("printf 'a\\tb\\r\\n\\303\\244'", Value::from("a\tb\r\nä")),
    ] {
        let mut node = start(json!({"command": command, "addpay": ""})).await;
        node.send(message(json!({}))).await;
        assert_eq!(node.next_output(0).await.payload(), Some(&expected), "{command}");
        node.stop().await;
    }
}

#[tokio::test]
async fn spawn_mode_sends_what_is_printed_while_the_command_runs() {
    let config =
        json!({"command": "sh -c \"echo one; sleep 1000\"", "addpay": "", "useSpawn": "true"});
    let mut node = start(config).await;
    node.send(message(json!({}))).await;
    assert_eq!(payload(&node.next_output(0).await), "one\n");
    let pid = pid(&mut node).await;
    node.send(message(json!({"kill": "SIGUSR1", "pid": pid}))).await;
    assert_eq!(payload(&node.next_output(2).await), json!({"code": null, "signal": "SIGUSR1"}));
    node.stop().await;
}

#[tokio::test]
async fn a_program_that_is_missing_has_the_code_of_node_js() {
    for (old, expected) in [(false, json!({"code": -2})), (true, json!(-2))] {
        let config =
            json!({"command": "/no/such/program", "addpay": "", "useSpawn": "true", "oldrc": old});
        let mut node = start(config).await;
        node.send(message(json!({}))).await;
        assert_eq!(payload(&node.next_output(2).await), expected);
        node.next_completed().await;
        node.stop().await;
    }
}

#[tokio::test]
async fn a_signal_reaches_the_children_of_the_shell() {
    let mut node = start(json!({"command": "sleep 1000; true", "addpay": ""})).await;
    node.send(message(json!({}))).await;
    pid(&mut node).await;
    node.send(message(json!({"kill": "sigkill"}))).await;
    let ended = payload(&node.next_output(2).await);
    assert_eq!((&ended["code"], &ended["signal"]), (&Json::Null, &json!("SIGKILL")));
    node.stop().await;
}

#[tokio::test]
async fn a_command_that_takes_longer_than_its_limit_is_terminated() {
    for spawns in ["true", "false"] {
        let config =
            json!({"command": "sleep 1000", "addpay": "", "timer": "0.05", "useSpawn": spawns});
        let mut node = start(config).await;
        node.send(message(json!({}))).await;
        assert_eq!(payload(&node.next_output(2).await)["signal"], "SIGTERM", "{spawns}");
        node.next_completed().await;
        node.stop().await;
    }
}

#[tokio::test]
async fn endless_output_ends_the_command() {
    let mut node = Harness::of("exec")
        .config(json!({"command": "yes", "addpay": ""}))
        .setting(&MAX_BUFFER, "100000")
        .outputs(3)
        .start()
        .await;
    node.send(message(json!({}))).await;
    let printed = node.next_output(0).await;
    assert_eq!(printed.payload().and_then(Value::as_str).map(str::len), Some(100_000));
    let ended = payload(&node.next_output(2).await);
    assert_eq!(ended["code"], "ERR_CHILD_PROCESS_STDIO_MAXBUFFER");
    assert_eq!(ended["message"], "stdout maxBuffer length exceeded");
    node.stop().await;
}

#[tokio::test]
async fn more_commands_than_allowed_are_errors() {
    let mut node = Harness::of("exec")
        .config(json!({"command": "sleep 1000", "addpay": ""}))
        .setting(&MAX_PROCESSES, "1")
        .outputs(3)
        .start()
        .await;
    node.send(message(json!({}))).await;
    node.send(message(json!({}))).await;
    assert!(node.next_error().await.contains("`exec-max-processes`"));
    node.stop().await;
}

#[tokio::test]
async fn a_setting_forbids_commands() {
    let mut node = Harness::of("exec")
        .config(json!({"command": "true", "addpay": ""}))
        .setting(&ENABLED, "false")
        .outputs(3)
        .start()
        .await;
    node.send(message(json!({}))).await;
    assert!(node.next_error().await.contains("the setting `allow-exec` forbids"));
    node.stop().await;
}

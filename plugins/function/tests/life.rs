//! How a function starts and ends.

use ferrowire::{Level, Message};
use ferrowire_plugin_function::MEMORY;
use ferrowire_testkit::{Harness, json};

#[tokio::test(start_paused = true)]
async fn the_start_is_waited_for() {
    let config = json!({"initialize": "globalThis.n = await new Promise(r => setTimeout(() => r(5), 500)); node.send({payload: 'up'})",
        "func": "msg.payload = n; return msg;"});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(Message::with_payload(1)).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"up".into()));
    assert_eq!(node.next_output(0).await.payload(), Some(&5.into()));
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty() && stopped.logs.is_empty(), "{stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_start_messages_are_dropped() {
    for code in
        ["throw new Error('no')", "await new Promise(r => setTimeout(r, 5)); throw new Error('no')"]
    {
        let config = json!({"initialize": code, "func": "return msg;"});
        let mut node = Harness::of("function").config(config).start().await;
        node.send(Message::with_payload(1)).await;
        assert!(node.next_error().await.starts_with("Error: no: thrown in line 1"));
        let stopped = node.stop().await;
        assert!(stopped.outputs[0].is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_is_run_and_cannot_send() {
    let config = json!({"func": "node.on('close', () => node.log('closed'));",
        "finalize": "node.warn('bye ' + node.id); node.send({payload: 1});"});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(Message::new()).await;
    let stopped = node.stop().await;
    let expected = [
        (Level::Info, "closed"),
        (Level::Warn, "bye node"),
        (Level::Error, "Cannot send from close function"),
    ];
    assert_eq!(stopped.logs, expected.map(|(level, text)| (level, text.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn the_end_is_run_although_there_was_no_message() {
    let config = json!({"func": "", "finalize": "node.warn('bye')"});
    let node = Harness::of("function").config(config).start().await;
    assert_eq!(node.stop().await.logs, [(Level::Warn, "bye".to_owned())]);
    let config = json!({"func": "", "initialize": "throw 1", "finalize": "node.warn('bye')"});
    let mut node = Harness::of("function").config(config).start().await;
    assert_eq!(node.next_error().await, "1");
    assert_eq!(node.stop().await.logs, [(Level::Warn, "bye".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn what_the_memory_is_too_small_for_fails_each_message() {
    let code = format!("/* {} */ return msg;", "x".repeat(2 << 20));
    let mut node =
        Harness::of("function").config(json!({"func": code})).setting(&MEMORY, "1").start().await;
    for _ in 0..2 {
        node.send(Message::new()).await;
        let error = node.next_error().await;
        assert!(error.contains("memory"), "{error}");
    }
    node.stop().await;
}

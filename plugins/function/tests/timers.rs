//! Timers that are kept outside of their function, and the limit of the time that code may wait.

use std::time::Duration;

use ferrowire::{Message, Value};
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Flow, Harness, json};

async fn start(code: &str) -> Harness {
    Harness::of("function").config(json!({"func": code})).start().await
}

#[tokio::test(start_paused = true)]
async fn a_timer_in_a_context_is_cleared_by_the_next_message() {
    for context in ["context", "flow", "global"] {
        let code = format!(
            "clearTimeout({context}.get('timers')?.off);
            {context}.set('timers', {{off: setTimeout(() => node.send({{payload: 'off'}}), 200)}});"
        );
        let mut node = start(&code).await;
        for _ in 0..5 {
            node.send(Message::new()).await;
            node.wait(Duration::from_millis(150)).await;
            assert_eq!(node.outputs(0), [], "{context}");
        }
        assert_eq!(node.next_output(0).await.payload(), Some(&"off".into()));
        node.stop().await;
    }
}

async fn functions(owner: &str, other: &str) -> Flow {
    Flow::start(json!([
        {"id": "tab", "type": "tab", "label": ""},
        {"id": "owner", "type": "function", "z": "tab", "func": owner, "wires": [["owner out"]]},
        {"id": "owner out", "type": "probe", "z": "tab", "wires": []},
        {"id": "other", "type": "function", "z": "tab", "func": other, "wires": [["other out"]]},
        {"id": "other out", "type": "probe", "z": "tab", "wires": []},
    ]))
    .await
}

#[tokio::test(start_paused = true)]
async fn another_function_clears_a_timer() {
    for (set, get) in [
        ("flow.set('timer', timer)", "flow.get('timer')"),
        ("global.set('timers', [{timer}])", "global.get('timers')[0].timer"),
        ("context.flow.timer = timer", "context.flow.timer"),
        // As the number that stands for it.
        ("flow.set('timer', +timer)", "flow.get('timer')"),
    ] {
        for (kind, clear) in [
            ("Timeout", "clearTimeout(timer)"),
            ("Interval", "clearInterval(timer)"),
            ("Interval", "timer.close ? timer.close() : clearTimeout(timer)"),
        ] {
            let owner = format!(
                "const timer = set{kind}(() => node.send({{payload: 'fired'}}), 100); {set}; return msg;"
            );
            let other = format!("const timer = {get}; {clear}; return msg;");
            let flow = functions(&owner, &other).await;
            flow.send("owner", Message::new()).await;
            flow.next_at("owner out").await;
            flow.send("other", Message::new()).await;
            flow.next_at("other out").await;
            flow.wait(Duration::from_secs(1)).await;
            assert_eq!(flow.arrived_at("owner out"), [], "{set} {clear}");
            flow.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_timer_from_a_context_has_its_methods() {
    let owner =
        "flow.set('timer', setTimeout(() => node.send({payload: 'fired'}), 100)); return msg;";
    let other = "const timer = flow.get('timer');
        return {payload: [timer.hasRef(), typeof timer, timer.refresh() === timer]}";
    let flow = functions(owner, other).await;
    flow.send("owner", Message::new()).await;
    flow.next_at("owner out").await;
    for _ in 0..5 {
        flow.send("other", Message::new()).await;
        let payload = json!([true, "object", true]).into();
        assert_eq!(flow.next_at("other out").await.payload(), Some(&payload));
        flow.wait(Duration::from_millis(80)).await;
        assert_eq!(flow.arrived_at("owner out"), []);
    }
    assert_eq!(flow.next_at("owner out").await.payload(), Some(&"fired".into()));
    flow.send("other", Message::new()).await;
    let payload = json!([false, "object", true]).into();
    assert_eq!(flow.next_at("other out").await.payload(), Some(&payload));
    flow.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_timer_of_a_function_that_has_ended_means_nothing() {
    let code = "const timer = setTimeout(() => node.send({payload: 'fired'}), 100);
        clearTimeout(msg.payload); return {payload: timer};";
    let mut first = start(code).await;
    first.send(Message::new()).await;
    let timer = first.next_output(0).await;
    first.stop().await;
    let mut second = start(code).await;
    second.send(timer).await;
    second.next_output(0).await;
    assert_eq!(second.next_output(0).await.payload(), Some(&"fired".into()));
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_no_timers_clears_nothing() {
    let mut node = start(
        "setTimeout(() => node.send({payload: 'fired'}), 100);
        for (const no of [0, 1, -1, 1.5, 2 ** 32, 2 ** 52, 2 ** 64, NaN, null, undefined, {}, 'x']) clearTimeout(no);",
    )
    .await;
    node.send(Message::new()).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"fired".into()));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_cleared_timer_frees_its_place() {
    let owner = "const timers = [];
        if (msg.payload === 'nothing') return;
        for (let at = 0; at < 24_000; at++) timers.push(+setTimeout(() => {}, 1e6));
        flow.set('timers', timers); return {payload: timers.length};";
    let other = "flow.get('timers').forEach(clearTimeout); return msg;";
    let flow = functions(owner, other).await;
    for _ in 0..3 {
        flow.send("owner", Message::new()).await;
        assert_eq!(flow.next_at("owner out").await.payload(), Some(&24_000.into()));
        flow.send("other", Message::new()).await;
        flow.next_at("other out").await;
        // The function lets go of them at the end of a run.
        flow.send("owner", Message::with_payload("nothing")).await;
    }
    flow.stop().await;
}

/// A function that waits for `msg.payload` milliseconds, and may at most for 300.
async fn waiting() -> Harness {
    let code = "await new Promise((done) => setTimeout(done, msg.payload)); msg.waited = true; return msg;";
    let config = json!({"func": code, "timeout": 0.3});
    Harness::of("function").config(config).watched().start().await
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_time_holds_while_the_code_waits() {
    let mut node = waiting().await;
    node.send(Message::with_payload(1000)).await;
    let caught = node.next_caught().await;
    assert_eq!(caught.payload(), Some(&1000.into()));
    let code = caught.get("error").and_then(|error| error.get("code"));
    assert_eq!(code, Some(&Value::from("ERR_SCRIPT_EXECUTION_TIMEOUT")));
    assert_eq!(node.next_error().await, "Error: Script execution timed out after 300ms");
    // What the code returns after that is not sent.
    node.wait(Duration::from_secs(2)).await;
    assert_eq!(node.outputs(0), []);
    node.send(Message::with_payload(200)).await;
    assert_eq!(node.next_output(0).await.get("waited"), Some(&true.into()));
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
}

#[tokio::test(start_paused = true)]
async fn what_is_thrown_after_the_limit_is_not_a_second_error() {
    let code = "await new Promise((done) => setTimeout(done, 500)); throw new Error('late')";
    let config = json!({"func": code, "timeout": 0.3});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(Message::new()).await;
    assert_eq!(node.next_error().await, "Error: Script execution timed out after 300ms");
    node.wait(Duration::from_secs(1)).await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty() && stopped.logs.is_empty(), "{stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_all_functions_does_not_hold_while_the_code_waits() {
    let code = "await new Promise((done) => setTimeout(done, 30_000)); return msg;";
    let mut node = start(code).await;
    node.send(Message::with_payload("late")).await;
    assert_eq!(node.next_output(0).await.payload(), Some(&"late".into()));
    node.stop().await;
}

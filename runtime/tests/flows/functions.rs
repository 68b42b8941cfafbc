//! Functions through the real binary: link calls, and runaway code, which fails with an error for
//! catch nodes and does not affect other flows.

use serde_json::{Value, json};

use crate::support::{Client, Runtime, listener, node, tab, ws_in, ws_out};

/// `/ws/run` runs received text as code and answers with the result or the error from a catch node;
/// `/ws/echo` is another flow.
fn flows() -> Value {
    let answer = json!({"rules": [
        {"t": "set", "p": "payload", "pt": "msg", "to": "error.message", "tot": "msg"}]});
    json!([
        tab("tab"),
        listener("l", "/ws/run"),
        ws_in("in", "l", &["run"]),
        node(
            "run",
            "function",
            json!({"func": "msg.payload = new Function('msg', msg.payload)(msg); return msg.payload === undefined ? null : msg;"}),
            &["out"]
        ),
        node("catch", "catch", json!({"scope": null, "uncaught": false}), &["why"]),
        node("why", "change", answer, &["out"]),
        ws_out("out", "l"),
        tab("other"),
        listener("e", "/ws/echo"),
        ws_in("echo in", "e", &["echo out"]),
        ws_out("echo out", "e"),
    ])
}

#[tokio::test]
async fn other_flows_go_on_while_a_function_never_ends() {
    let limit = [("FERROWIRE_FUNCTION_TIMEOUT", "2")];
    let runtime = Runtime::start_with(flows(), &[], &limit).await;
    let (mut endless, mut echo) =
        (runtime.connect("/ws/run").await, runtime.connect("/ws/echo").await);
    endless.send("while (true) {}").await;
    for n in 0..100 {
        echo.send(&n.to_string()).await;
        assert_eq!(echo.text().await, n.to_string());
    }
    assert_eq!(endless.text().await, "Error: Script execution timed out after 2000ms");
    endless.send("return 'and again'").await;
    assert_eq!(endless.text().await, "and again");
}

#[tokio::test]
async fn a_flow_cannot_override_a_setting_of_its_plugin() {
    let mut flows = flows();
    let variable = json!({"name": "FERROWIRE_FUNCTION_TIMEOUT", "value": "600", "type": "num"});
    flows[0]["env"] = json!([variable]);
    let runtime = Runtime::start_with(flows, &["--function-timeout", "0.5"], &[]).await;
    let mut client = runtime.connect("/ws/run").await;
    client.send("while (true) {}").await;
    assert_eq!(client.text().await, "Error: Script execution timed out after 500ms");
}

#[tokio::test]
async fn what_a_function_asks_too_much_of_is_an_error_that_can_be_caught() {
    let limits = [("FERROWIRE_FUNCTION_TIMEOUT", "1"), ("FERROWIRE_FUNCTION_MEMORY", "16")];
    let mut runtime = Runtime::start_with(flows(), &[], &limits).await;
    let mut client = runtime.connect("/ws/run").await;
    let timed_out = "Error: Script execution timed out after 1000ms";
    let memory = "RangeError: the function holds more than 16 MiB of memory";
    for (code, expected) in [
        ("for (;;) try { for (;;); } catch {}", timed_out),
        ("/^(a+)+$/.exec('a'.repeat(50) + '!')", timed_out),
        ("const f = () => void Promise.resolve().then(f); f();", timed_out),
        ("let s = 'x'; for (;;) s += s;", "InternalError: string too long"),
        ("return 'x'.repeat(2 ** 28)", memory),
        ("globalThis.all = []; for (;;) all.push(new Array(1000).fill(1));", memory),
        ("return typeof all", "undefined"),
        ("const all = []; for (;;) all.push(new Array(1000).fill(1));", "memory"),
        ("return Buffer.alloc(1 << 28)", memory),
        ("const f = () => f() + 1; return f();", "Maximum call stack size exceeded"),
        ("let a = []; for (let n = 0; n < 1000; n++) a = [a]; return a;", "nested more than 256"),
        ("return JSON.parse('['.repeat(1e6))", "Maximum call stack size exceeded"),
        ("throw null", "the code threw `null`"),
        ("throw {get stack() { throw 1 }}", "undefined"),
        ("return 'fine'", "fine"),
    ] {
        client.send(code).await;
        let answer = client.text().await;
        assert!(answer.contains(expected), "{code}: {answer}");
    }
    runtime.redeploy(json!([])).await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn code_that_waits_completes_or_fails_its_message_as_it_is_by_then() {
    let code = "const what = msg.payload;
        const m = await node.linkcall('twice', msg, {timeout: 10000});
        msg.payload = m.payload;
        if (what === 'bad') throw new RangeError('no good');
        if (what === 'done') setTimeout(() => { msg.payload += ' late'; node.done(); }, 10);
        else node.done();";
    let template = "{{payload}}: {{error.message}} ({{error.source.id}})";
    let runtime = Runtime::start(json!([
        tab("tab"),
        listener("l", "/ws/x"),
        ws_in("in", "l", &["f"]),
        node("f", "function", json!({"func": code}), &[]),
        node("li", "link in", json!({"name": "twice", "links": []}), &["double"]),
        node(
            "double",
            "function",
            json!({"func": "msg.payload += msg.payload; return msg;"}),
            &["ret"]
        ),
        node("ret", "link out", json!({"mode": "return", "links": []}), &[]),
        node("complete", "complete", json!({"scope": ["f"], "uncaught": false}), &["out"]),
        node("catch", "catch", json!({"scope": null, "uncaught": false}), &["why"]),
        node("why", "template", json!({"template": template}), &["out"]),
        ws_out("out", "l"),
    ]))
    .await;
    let mut client = runtime.connect("/ws/x").await;
    for (sent, expected) in
        [("a", "aa"), ("bad", "badbad: RangeError: no good (f)"), ("done", "donedone late")]
    {
        client.send(sent).await;
        assert_eq!(client.text().await, expected);
    }
}

#[tokio::test]
async fn a_context_store_that_is_unknown_means_the_default_one_with_one_warning() {
    let count = "global.set('n', (global.get('n', 'file') || 0) + 1, 'file'); \
                 msg.payload = global.get('n'); return msg";
    let mut runtime = Runtime::start(json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["count"]),
        node("count", "function", json!({"func": count}), &["out"]),
        ws_out("out", "l"),
    ]))
    .await;
    let mut client = runtime.connect("/ws").await;
    for n in ["1", "2", "3"] {
        client.send("x").await;
        assert_eq!(client.text().await, n);
    }
    let warning = "there is no context store `file`";
    runtime.log_line(warning).await;
    let (log, _) = runtime.terminate().await;
    assert!(!log.contains(warning), "{log}");
}

/// `start` makes one function send ticks; the other one clears its interval at `stop`, and answers
/// everything else with the messages that it has seen.
fn ticking() -> Value {
    let owner = "if (msg.payload === 'start') flow.set('timers', {tick: setInterval(() => node.send({...msg, payload: 'tick'}), 1)});
        if (!flow.get('seen')) flow.set('seen', []);
        return null;";
    let other = "if (msg.payload === 'stop') clearInterval(flow.get('timers').tick);
        flow.get('seen').push(msg.payload);
        msg.payload = flow.get('seen').join(' '); return msg;";
    json!([
        tab("tab"),
        listener("l", "/ws/tick"),
        ws_in("in", "l", &["owner", "other"]),
        node("owner", "function", json!({"func": owner, "outputs": 1}), &["out"]),
        node("other", "function", json!({"func": other, "outputs": 1}), &["out"]),
        ws_out("out", "l"),
    ])
}

/// The next answer that is no tick, and how many ticks came before it.
async fn answer(client: &mut Client) -> (String, usize) {
    let mut ticks = 0;
    loop {
        let text = client.text().await;
        if text != "tick" {
            return (text, ticks);
        }
        ticks += 1;
    }
}

#[tokio::test]
async fn functions_share_timers_and_lists_of_a_context() {
    let runtime = Runtime::start_with(ticking(), &[], &[]).await;
    let mut client = runtime.connect("/ws/tick").await;
    client.send("start").await;
    assert_eq!(answer(&mut client).await.0, "start");
    assert_eq!(client.text().await, "tick");
    client.send("stop").await;
    let mut seen = answer(&mut client).await.0;
    assert_eq!(seen, "start stop");
    let mut late = 0;
    for number in 0..50 {
        client.send(&number.to_string()).await;
        seen = format!("{seen} {number}");
        let (text, ticks) = answer(&mut client).await;
        assert_eq!(text, seen);
        late += ticks;
    }
    // One that was being sent when the interval was cleared.
    assert!(late <= 1, "{late}");
}

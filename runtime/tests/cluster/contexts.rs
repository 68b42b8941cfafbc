//! The context store `nats`.

use serde_json::{Value, json};

use crate::nats::{Nats, Storage};
use crate::support::{Client, Runtime, soon};

/// Does with a context what messages say.
const CODE: &str = r"
    const chosen = { flow, global, node: context }[msg.scope || 'global'];
    switch (msg.do) {
        case 'get': msg.value = chosen.get(msg.key); return msg;
        case 'keys': msg.value = chosen.keys().sort(); return msg;
        case 'set': chosen.set(msg.key, msg.value); return msg;
        case 'durable': return new Promise((resolve) => {
            chosen.set([msg.key, msg.key + 2], [msg.value, msg.value], (error) => {
                msg.value = error ? error.message : 'durable';
                resolve(msg);
            });
        });
        case 'add': return chosen.add(msg.key, msg.value).then((sum) => { msg.value = sum; return msg; });
        case 'swap': return new Promise((resolve) => {
            chosen.compareAndSet(msg.key, msg.expected, msg.value, 'shared', (error, done) => {
                msg.value = error ? error.message : done;
                resolve(msg);
            });
        });
        case 'large': chosen.set(msg.key, 'x'.repeat(msg.value)); return msg;
    }
";

/// Clients ask a function; an error comes back as `msg.failed`.
fn flow() -> Value {
    json!([
        {"id": "tab", "type": "tab"},
        {"id": "listener", "type": "websocket-listener", "path": "/ask", "wholemsg": "true"},
        {"id": "in", "type": "websocket in", "z": "tab", "server": "listener", "wires": [["f"]]},
        {"id": "f", "type": "function", "z": "tab", "func": CODE, "outputs": 1, "wires": [["out"]]},
        {"id": "out", "type": "websocket out", "z": "tab", "server": "listener", "wires": []},
        {"id": "catch", "type": "catch", "z": "tab", "scope": null, "wires": [["error"]]},
        {"id": "error", "type": "change", "z": "tab", "wires": [["out"]],
         "rules": [{"t": "move", "p": "error.message", "pt": "msg", "to": "failed", "tot": "msg"}]},
    ])
}

/// An instance, and a client that asks its function.
struct Instance {
    runtime: Runtime,
    client: Client,
    _settings: tempfile::TempDir,
}

impl Instance {
    async fn begin(nats: &Nats, name: &str, arguments: &[&str]) -> Self {
        let (folder, settings) = settings();
        let url = nats.url();
        let own = ["--cluster", &url, "--instance-name", name, "--settings", &settings];
        let runtime = Runtime::start_with(flow(), &[&own[..], arguments].concat(), &[]).await;
        let client = runtime.connect("/ask").await;
        Instance { runtime, client, _settings: folder }
    }

    async fn ask(&mut self, question: Value) -> Value {
        self.client.send(&question.to_string()).await;
        self.client.json().await
    }

    async fn get(&mut self, key: &str) -> Value {
        self.ask(json!({"do": "get", "key": key})).await["value"].clone()
    }

    async fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value: Value = value.into();
        let answer = self.ask(json!({"do": "set", "key": key, "value": value})).await;
        assert_eq!(answer.get("failed"), None, "{answer}");
    }

    /// Waits until a value is what it should be.
    async fn has(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        let what = format!("{value} in `{key}`");
        let become_it = async { while self.get(key).await != value {} };
        soon(&what, become_it).await;
    }
}

/// A settings file in which the store is the default one.
fn settings() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    let text = "[context-storage]\ndefault = 'shared'\nmemory = { module = 'memory' }\n\
                shared = { module = 'nats' }\n";
    std::fs::write(&settings, text).unwrap();
    (folder, settings.display().to_string())
}

#[tokio::test]
async fn all_instances_have_the_same_values_and_later_ones_and_those_after_a_restart_too() {
    let storage = Storage::new();
    let mut nats = Nats::with_storage(&storage).await;
    let mut a = Instance::begin(&nats, "a", &["--cluster-required", "true"]).await;
    let mut b = Instance::begin(&nats, "b", &[]).await;
    a.set("x", json!({"deep": [1, "ä", null, true, 0.5]})).await;
    assert_eq!(a.get("x.deep[1]").await, "ä", "at once where it was set");
    b.has("x", json!({"deep": [1, "ä", null, true, 0.5]})).await;
    b.set("x.deep[0]", "changed").await;
    a.has("x.deep[0]", "changed").await;
    for scope in ["flow", "node"] {
        a.ask(json!({"do": "set", "scope": scope, "key": "in", "value": scope})).await;
        let of_b = async {
            while b.ask(json!({"do": "get", "scope": scope, "key": "in"})).await["value"] != scope {
            }
        };
        soon(scope, of_b).await;
    }
    // A number that counts up, read while it changes, never goes back.
    for number in 0..200 {
        a.set("n", number).await;
        assert_eq!(a.get("n").await, number);
    }
    b.has("n", 199).await;
    let (_, code) = a.runtime.terminate().await;
    assert_eq!(code, Some(0));
    nats.stop().await;
    nats.start_again().await;
    b.runtime.log_line("connected to NATS again").await;
    let mut late = Instance::begin(&nats, "late", &["--cluster-required", "true"]).await;
    assert_eq!(late.get("n").await, 199, "from the first message on");
    let keys = late.ask(json!({"do": "keys"})).await;
    assert_eq!(keys["value"], json!(["n", "x"]));
}

#[tokio::test]
async fn while_nats_is_away_values_are_read_and_changes_wait() {
    let storage = Storage::new();
    let mut nats = Nats::with_storage(&storage).await;
    let mut a = Instance::begin(&nats, "a", &[]).await;
    let mut b = Instance::begin(&nats, "b", &[]).await;
    a.set("x", "before").await;
    b.has("x", "before").await;
    nats.stop().await;
    for instance in [&mut a, &mut b] {
        instance.runtime.log_line("the connection to NATS is lost").await;
    }
    assert_eq!(b.get("x").await, "before");
    a.set("x", "of a").await;
    b.set("y", "of b").await;
    for number in 0..100 {
        a.set(&format!("of_a[{number}]"), number).await;
    }
    nats.start_again().await;
    a.has("y", "of b").await;
    b.has("x", "of a").await;
    b.has("of_a.length", 100).await;
}

#[tokio::test]
async fn too_much_that_waits_or_too_large_a_value_is_an_error_of_the_node_and_changes_nothing() {
    let storage = Storage::new();
    let mut nats = Nats::with_storage(&storage).await;
    let mut a = Instance::begin(&nats, "a", &["--cluster-queue", "20 KiB"]).await;
    a.set("x", 1).await;
    let answer = a.ask(json!({"do": "large", "key": "x", "value": 2_000_000})).await;
    let failed = answer["failed"].as_str().unwrap();
    assert!(failed.contains("cannot keep `x` in the context store `shared`"), "{failed}");
    assert!(failed.contains("the value has 2000002 bytes as JSON, NATS takes 104"), "{failed}");
    nats.stop().await;
    a.runtime.log_line("the connection to NATS is lost").await;
    let mut refused = 0;
    for number in 0..30 {
        let key = format!("k{number}");
        let answer = a.ask(json!({"do": "large", "key": key, "value": 1_000})).await;
        let Some(failed) = answer["failed"].as_str() else { continue };
        assert!(failed.contains("more than `cluster-queue` (20480 bytes) wait for NATS"));
        refused += 1;
    }
    assert!((10..=14).contains(&refused), "{refused}");
    assert_eq!((a.get("x").await, a.get("k29").await), (json!(1), Value::Null));
    nats.start_again().await;
    let mut b = Instance::begin(&nats, "b", &[]).await;
    b.has("k0.length", 1_000).await;
}

#[tokio::test]
async fn a_start_without_nats_goes_on_and_has_the_values_later() {
    let storage = Storage::new();
    let mut nats = Nats::with_storage(&storage).await;
    let mut first = Instance::begin(&nats, "first", &[]).await;
    first.set("x", "there").await;
    first.runtime.terminate().await;
    nats.stop().await;
    let mut early = Instance::begin(&nats, "early", &["--cluster-timeout", "0.5"]).await;
    early
        .runtime
        .log_line("the flows start without the values of the context store `shared`")
        .await;
    assert_eq!(early.get("x").await, Value::Null);
    early.set("y", "mine").await;
    nats.start_again().await;
    early.has("x", "there").await;
    let mut late = Instance::begin(&nats, "late", &[]).await;
    late.has("y", "mine").await;
}

#[tokio::test]
async fn a_callback_comes_when_the_value_is_durable_and_later_if_nats_is_away() {
    let storage = Storage::new();
    let mut nats = Nats::with_storage(&storage).await;
    let mut a = Instance::begin(&nats, "a", &[]).await;
    let answer = a.ask(json!({"do": "durable", "key": "x", "value": 1})).await;
    assert_eq!(answer["value"], "durable");
    nats.stop().await;
    a.runtime.log_line("the connection to NATS is lost").await;
    a.client.send(&json!({"do": "durable", "key": "x", "value": 2}).to_string()).await;
    assert_eq!(a.get("x").await, 2, "the callback waits, the value is there");
    nats.start_again().await;
    assert_eq!(a.client.json().await["value"], "durable");
    // Durable is what a server that is killed at once has.
    nats.stop().await;
    nats.start_again().await;
    let mut late = Instance::begin(&nats, "late", &["--cluster-required", "true"]).await;
    assert_eq!((late.get("x").await, late.get("x2").await), (json!(2), json!(2)));
    nats.stop().await;
    a.runtime.log_line("the connection to NATS is lost").await;
    let answer = a.ask(json!({"do": "swap", "key": "x", "expected": 2, "value": 3})).await;
    assert_eq!(answer["value"], "the cluster cannot be reached");
}

#[tokio::test]
async fn additions_at_all_instances_count_and_one_comparison_wins() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let mut a = Instance::begin(&nats, "a", &["--cluster-timeout", "10"]).await;
    let mut b = Instance::begin(&nats, "b", &["--cluster-timeout", "10"]).await;
    let mut sums = Vec::new();
    for _ in 0..50 {
        for instance in [&mut a, &mut b] {
            instance.client.send(r#"{"do":"add","key":"n","value":1}"#).await;
        }
    }
    for _ in 0..50 {
        for instance in [&mut a, &mut b] {
            let answer = instance.client.json().await;
            sums.push(answer["value"].as_u64().unwrap_or_else(|| panic!("{answer}")));
        }
    }
    sums.sort_unstable();
    assert_eq!(sums, (1..=100).collect::<Vec<u64>>());
    let swap = json!({"do": "swap", "key": "owner", "expected": null, "value": "x"});
    let answer = a.ask(swap.clone()).await;
    assert_eq!(answer["value"], false, "nothing is not null");
    let (first, second) = tokio::join!(
        a.ask(json!({"do": "swap", "key": "owner", "value": "a"})),
        b.ask(json!({"do": "swap", "key": "owner", "value": "b"})),
    );
    assert_ne!(first["value"], second["value"]);
    let winner = if first["value"] == true { "a" } else { "b" };
    a.has("owner", winner).await;
    b.has("owner", winner).await;
    a.set("text", "t").await;
    let answer = a.ask(json!({"do": "add", "key": "text", "value": 1})).await;
    assert_eq!(answer["failed"], "Error: cannot add to a value that is no number", "{answer}");
}

/// The last line of a start that needs the store.
async fn refused(nats: &str) -> String {
    let (_folder, settings) = settings();
    let mut program = crate::program("run");
    program.args(["--listen", "127.0.0.1:0", "--settings", &settings]);
    if !nats.is_empty() {
        program.args(["--cluster", nats, "--cluster-required", "true"]);
    }
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.json");
    std::fs::write(&flows, flow().to_string()).unwrap();
    let output = tokio::process::Command::from(program).arg(flows).output();
    let output = soon("the end", output).await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap().lines().last().unwrap().to_owned()
}

#[tokio::test]
async fn what_prevents_the_store_is_one_clear_line() {
    let line = refused("").await;
    assert!(line.contains("context store `shared`: the module `nats` needs the setting `cluster`"));
    let without = Nats::start().await;
    let line = refused(&without.url()).await;
    let expected = "context store `shared`: NATS has no JetStream; start it with `-js`";
    assert!(line.contains(expected), "{line}");
    let mut instance = Instance::begin(&without, "a", &[]).await;
    instance.runtime.log_line("changes wait: NATS has no JetStream").await;
    instance.set("x", 1).await;
    let (log, _) = instance.runtime.terminate().await;
    assert_eq!(log.matches("NATS has no JetStream").count(), 0, "no second line: {log}");
    assert!(log.contains("1 changes of the context store `shared` are lost"), "{log}");

    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    nats.make_stream(json!({
        "name": "KV_ferrowire__ferrowire__context__shared",
        "subjects": ["$KV.ferrowire__ferrowire__context__shared.>"],
        "max_msgs_per_subject": 1, "max_age": 1_000_000_000_u64, "storage": "memory",
        "num_replicas": 1, "retention": "limits", "discard": "old", "max_consumers": -1,
        "max_msgs": -1, "max_bytes": -1,
    }))
    .await;
    let line = refused(&nats.url()).await;
    let expected = "the bucket `ferrowire__ferrowire__context__shared` of NATS has another shape: its \
                    values expire";
    assert!(line.contains(expected), "{line}");
}

#[tokio::test]
async fn the_admin_api_shows_and_deletes_what_any_instance_has_set() {
    let storage = Storage::new();
    let nats = Nats::with_storage(&storage).await;
    let mut a = Instance::begin(&nats, "a", &[]).await;
    let mut b = Instance::begin(&nats, "b", &[]).await;
    a.set("x", json!({"y": 1})).await;
    b.has("x.y", 1).await;
    let request = |method: &str, path: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    };
    let shown = b.runtime.raw(&request("GET", "/context/global")).await;
    let expected = r#"{"shared":{"x":{"msg":"{\"y\":1}","format":"Object"}},"memory":{}}"#;
    let body = shown.split("\r\n\r\n").nth(1).unwrap();
    let (shown, expected): (Value, Value) =
        (serde_json::from_str(body).unwrap(), serde_json::from_str(expected).unwrap());
    assert_eq!(shown, expected);
    let deleted = b.runtime.raw(&request("DELETE", "/context/global/x?store=shared")).await;
    assert!(deleted.starts_with("HTTP/1.1 204"), "{deleted}");
    a.has("x", Value::Null).await;
}

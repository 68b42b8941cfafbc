//! A rolling restart behind HAProxy, with the configuration of `docs/cluster.md`.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::nats::Nats;
use crate::support::{Runtime, listener, node, soon, tab, ws_in, ws_out};
use crate::talking::talk;

const DOCUMENTATION: &str = include_str!("../../../docs/cluster.md");

/// Where Debian's package installs it.
const HAPROXY: &str = "/usr/sbin/haproxy";

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Says at `/who` which instance answers, and echoes at `/ws`.
fn flows(name: &str) -> Value {
    let code = format!("msg.payload = '{name}'; return msg;");
    let request = json!({"method": "get", "url": "/who", "upload": false});
    json!([
        tab("tab"),
        node("in", "http in", request, &["say"]),
        node("say", "function", json!({"func": code, "outputs": 1}), &["respond"]),
        node("respond", "http response", json!({"statusCode": ""}), &[]),
        listener("l", "/ws"),
        ws_in("ws", "l", &["out"]),
        ws_out("out", "l"),
    ])
}

pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// An instance at an address that it has after a restart, too; it is in the cluster.
async fn start(nats: &Nats, name: &str, address: &str) -> Runtime {
    let url = nats.url();
    let arguments = [
        "--listen",
        address,
        "--cluster",
        &url,
        "--instance-name",
        name,
        "--drain",
        "1",
        "--drain-delay",
        "2",
        "--log",
        "info",
    ];
    let mut runtime = Runtime::begin(flows(name), &arguments);
    runtime.log_line("listening on http").await;
    runtime.log_line("by NATS").await;
    runtime
}

/// HAProxy with the documented configuration at other addresses.
pub(crate) fn haproxy(folder: &Path, public: &str, instances: &[String]) -> Child {
    let (_, rest) = DOCUMENTATION.split_once("```haproxy\n").unwrap();
    let (configuration, _) = rest.split_once("```").unwrap();
    let mut text = configuration.replace("bind :80", &format!("bind {public}"));
    for (at, address) in instances.iter().enumerate() {
        text = text.replace(&format!("10.0.0.{}:1880", at + 1), address);
    }
    assert!(!text.contains("10.0.0."), "{text}");
    let file = folder.join("haproxy.cfg");
    // Checks as often as the test can wait for.
    std::fs::write(&file, text.replace("inter 1s", "inter 200ms")).unwrap();
    Command::new(HAPROXY).args(["-db", "-f"]).arg(&file).kill_on_drop(true).spawn().unwrap()
}

/// The instance that answers; an error if none does.
async fn who(address: &str) -> Result<String, String> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = "GET /who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        Ok::<_, std::io::Error>(response)
    };
    let response = soon("a response", asked).await.map_err(|error| error.to_string())?;
    match response.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(response),
    }
}

/// Waits until all instances answer behind the address.
async fn all_answer(address: &str) {
    let mut missing = BTreeSet::from(NAMES.map(str::to_owned));
    let all = async {
        while !missing.is_empty() {
            if let Ok(name) = who(address).await {
                missing.remove(&name);
            }
        }
    };
    soon("an answer of each instance", all).await;
}

/// Asks until `stop`; how often.
async fn ask(address: String, stop: CancellationToken) -> usize {
    let mut count = 0;
    while !stop.is_cancelled() {
        who(&address).await.unwrap();
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_see_nothing_of_a_rolling_restart_but_1012_and_another_instance() {
    let mut nats = Nats::start().await;
    let (addresses, public) = (NAMES.map(|_| free_address()), free_address());
    let mut instances = Vec::new();
    for (name, address) in NAMES.iter().zip(&addresses) {
        instances.push(start(&nats, name, address).await);
    }
    let folder = tempfile::tempdir().unwrap();
    let _haproxy = haproxy(folder.path(), &public, &addresses);
    all_answer(&public).await;
    let (stop, closes) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let (mut asking, mut talking) = (JoinSet::new(), JoinSet::new());
    for _ in 0..6 {
        let url = format!("ws://{public}/ws");
        talking.spawn(talk(url, stop.clone(), Arc::clone(&closes)));
    }
    for _ in 0..2 {
        asking.spawn(ask(public.clone(), stop.clone()));
    }
    for (at, address) in addresses.iter().enumerate() {
        let old = instances.remove(at);
        let (log, code) = old.terminate().await;
        assert_eq!(code, Some(0), "{log}");
        instances.insert(at, start(&nats, NAMES[at], address).await);
        all_answer(&public).await;
    }
    nats.stop().await;
    for instance in &mut instances {
        instance.log_line("the connection to NATS is lost").await;
    }
    all_answer(&public).await;
    nats.start_again().await;
    for instance in &mut instances {
        instance.log_line("connected to NATS again").await;
    }
    all_answer(&public).await;
    stop.cancel();
    while let Some(ended) = talking.join_next().await {
        ended.unwrap();
    }
    while let Some(count) = asking.join_next().await {
        assert!(count.unwrap() > 50);
    }
    // Each client was at an instance that restarted.
    assert!(closes.load(Ordering::Relaxed) >= 6, "{closes:?}");
}

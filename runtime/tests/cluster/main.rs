//! Several real processes over a real nats-server. `cargo xtask nats` runs these tests.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the harness of a test fails it so"
)]

mod away;
mod contexts;
mod events;
mod flows;
mod history;
mod interest;
mod killed;
mod logins;
mod members;
mod messages;
#[path = "../../../plugins/mqtt/tests/mosquitto/server.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod mosquitto;
mod mqtt;
mod nats;
mod once;
mod readers;
mod rolling;
#[path = "../flows/support.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;
#[path = "../flows/switchboard.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod switchboard;

#[path = "../flows/talking.rs"]
mod talking;
mod traffic;

use serde_json::{Value, json};

use nats::Nats;
use support::Runtime;
use switchboard::{Member, switchboard};

/// The runtime with its default set of plugins.
fn program(command: &str) -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    program.arg(command);
    program
}

/// Begins an instance, which may not know others yet.
async fn begin(nats: &Nats, name: &str, arguments: &[&str]) -> Runtime {
    let url = nats.url();
    let of_cluster = ["--cluster", &url, "--instance-name", name];
    let tokens = json!({
        "auth": "token", "authFrom": "query:token",
        "credentials": {"authTokens": "ann:a\nbob:b\ncyd:c"},
    });
    let arguments = [&of_cluster[..], arguments].concat();
    Runtime::start_with(switchboard(tokens), &arguments, &[]).await
}

/// Instances `0`, `1`, … that know each other.
async fn instances(nats: &Nats, count: usize, arguments: &[&str]) -> Vec<Runtime> {
    let mut instances = Vec::new();
    for name in 0..count {
        instances.push(begin(nats, &name.to_string(), arguments).await);
    }
    for (at, instance) in instances.iter_mut().enumerate() {
        for other in (0..count).filter(|other| *other != at) {
            instance.log_line(&format!("the instance `{other}` is in the cluster")).await;
        }
    }
    instances
}

/// How many sessions there are in all instances. All that these have subscribed to before is known
/// everywhere then, since their answers come after it.
async fn count(member: &mut Member) -> Value {
    member.send(json!({"do": "list", "action": "count"})).await;
    let answer = member.0.json().await;
    assert_eq!(answer.get("unanswered"), None);
    answer["payload"].clone()
}

//! Messages go only where members are: counted by NATS.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::members::asked;
use crate::nats::{Nats, Storage};
use crate::readers::flows;
use crate::rolling::free_address;
use crate::support::{Client, Runtime, soon, with};

const MESSAGES: u64 = 500;

/// How many signs of life, and answers to the second look at a history, may come meanwhile.
const OTHERS: u64 = 150;

struct Cluster {
    _nats: Nats,
    monitor: String,
    a: Runtime,
    b: Runtime,
    _storage: Storage,
}

impl Cluster {
    async fn start(history: Value) -> Self {
        let (storage, monitor) = (Storage::new(), free_address());
        let (_, port) = monitor.rsplit_once(':').unwrap();
        let nats = Nats::monitored(&storage, port).await;
        let url = nats.url();
        let flows = flows(with(json!({"maxRooms": "10000"}), history));
        let begin = async |name: &str| {
            let arguments = [
                "--cluster",
                &url,
                "--instance-name",
                name,
                "--cluster-timeout",
                "20",
                "--log",
                "info",
            ];
            Runtime::start_with(flows.clone(), &arguments, &[]).await
        };
        let (mut a, b) = (begin("a").await, begin("b").await);
        a.log_line("the instance `b` is in the cluster").await;
        Cluster { _nats: nats, monitor, a, b, _storage: storage }
    }

    /// How many messages NATS has sent to an instance.
    async fn sent_to(&self, instance: &str) -> u64 {
        let asked = async {
            let mut stream = TcpStream::connect(&self.monitor).await?;
            stream.write_all(b"GET /connz HTTP/1.0\r\n\r\n").await?;
            let mut response = String::new();
            stream.read_to_string(&mut response).await?;
            Ok::<_, std::io::Error>(response)
        };
        let response = soon("connections", asked).await.unwrap();
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        let found: Value = serde_json::from_str(body).unwrap();
        let connections = found["connections"].as_array().unwrap();
        let name = format!("ferrowire {instance}");
        let connection = connections.iter().find(|it| it["name"] == json!(name)).unwrap();
        connection["out_msgs"].as_u64().unwrap()
    }
}

/// A client in the rooms `PREFIX0`, `PREFIX1`, …
async fn member(instance: &Runtime, prefix: &str, rooms: usize) -> Client {
    let mut client = instance.connect("/ws").await;
    for start in (0..rooms).step_by(1_000) {
        let names: Vec<String> =
            (start..rooms.min(start + 1_000)).map(|number| format!("{prefix}{number}")).collect();
        client.send(&json!({"join": names}).to_string()).await;
        client.json().await;
    }
    client
}

/// Sends messages from `a` to rooms that only have members at `a`, and then to those at `b`. Returns how many messages
/// both got each time.
async fn counted(cluster: &Cluster, rooms: usize) -> [[u64; 2]; 2] {
    let mut members = [("a", &cluster.a), ("b", &cluster.b)].map(|it| (it.0, it.1, None));
    for (prefix, instance, client) in &mut members {
        *client = Some(member(instance, prefix, rooms).await);
    }
    // What an instance answers comes after its subscriptions.
    for instance in [&cluster.a, &cluster.b] {
        let found = asked(instance, "GET", "sessions").await;
        assert_eq!((&found["total"], found.get("unanswered")), (&json!(2), None));
    }
    let mut sender = cluster.a.connect("/ws").await;
    let ask = async |sender: &mut Client, room: String, number: u64| {
        sender.send(&json!({"room": room, "payload": number.to_string()}).to_string()).await;
        assert_eq!(sender.json().await, number);
    };
    let mut counts = [[0; 2]; 2];
    for ((prefix, _, client), counts) in members.iter_mut().zip(&mut counts) {
        let client = client.as_mut().unwrap();
        // All are followed everywhere when this one has come.
        ask(&mut sender, format!("{prefix}{}", rooms - 1), 0).await;
        assert_eq!(client.json().await, 0);
        let before = [cluster.sent_to("a").await, cluster.sent_to("b").await];
        for number in 1..=MESSAGES {
            ask(&mut sender, format!("{prefix}{}", number as usize * 7 % rooms), number).await;
            assert_eq!(client.json().await, number);
        }
        let after = [cluster.sent_to("a").await, cluster.sent_to("b").await];
        *counts = [after[0] - before[0], after[1] - before[1]];
    }
    counts
}

/// Whether it is `expected`, beside a few others.
fn is_about(count: u64, expected: u64) -> bool {
    (expected..expected + OTHERS).contains(&count)
}

#[tokio::test]
async fn of_ten_thousand_rooms_on_two_instances_each_gets_only_what_is_for_its_own() {
    let cluster = Cluster::start(json!({})).await;
    let [to_a, to_b] = counted(&cluster, 5_000).await;
    assert!(is_about(to_a[0], 0) && is_about(to_a[1], 0), "{to_a:?}");
    assert!(is_about(to_b[0], 0) && is_about(to_b[1], MESSAGES), "{to_b:?}");
}

#[tokio::test]
async fn a_message_of_a_history_goes_to_the_instances_with_members_and_the_sender_gets_its_receipt()
{
    let cluster = Cluster::start(json!({"history": "10"})).await;
    let [to_a, to_b] = counted(&cluster, 10).await;
    assert!(is_about(to_a[0], 2 * MESSAGES) && is_about(to_a[1], 0), "{to_a:?}");
    assert!(is_about(to_b[0], MESSAGES) && is_about(to_b[1], MESSAGES), "{to_b:?}");
}

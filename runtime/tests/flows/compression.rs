//! Compressed connections (RFC 7692), through the real binary.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::deflating::{ALONE, Deflating, End, Frame};
use crate::peer::{Server, client, client_in, client_out};
use crate::support::{Runtime, broadcaster, echo, tab, with};

const OFFER: &str = "permessage-deflate; client_max_window_bits";

/// A compressible text.
fn long(seed: &str) -> String {
    format!("{{\"sensor\":\"{seed}\",\"value\":20.5}}").repeat(40)
}

/// `flow` with other properties of its listener.
fn compressed(mut flow: Value, properties: Value) -> Value {
    let listener = &mut flow.as_array_mut().unwrap()[1];
    *listener = with(with(listener.clone(), json!({"compression": "deflate"})), properties);
    flow
}

async fn start(properties: Value) -> Runtime {
    Runtime::start(compressed(echo(), properties)).await
}

/// The answer to an offer; `None` if it is declined.
async fn answer(runtime: &Runtime, offer: &str) -> Option<String> {
    Deflating::connect(&runtime.address, "/ws", offer).await.1
}

#[tokio::test]
async fn without_other_properties_each_message_is_compressed_by_itself() {
    let runtime = start(json!({})).await;
    let (mut client, answer) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    let expected = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(answer.as_deref(), Some(expected));
    for text in [long("a"), long("a"), long("b")] {
        client.send(&text).await;
        let frame = client.frame().await;
        assert!(frame.is_compressed && frame.body.len() < text.len() / 4);
        assert_eq!(client.inflate(&frame.body), text.as_bytes());
    }
    // What would become longer is sent as it is; so is an empty message, which the flow ignores.
    client.send("").await;
    client.send("x").await;
    let frame = client.frame().await;
    assert_eq!((frame.is_compressed, frame.body.as_slice()), (false, &b"x"[..]));
    // A peer need not compress.
    client.send_frame(Frame::text(long("c").as_bytes())).await;
    assert_eq!(client.text().await, long("c"));
}

#[tokio::test]
async fn with_takeover_a_repeated_message_becomes_very_short() {
    let properties =
        json!({"compressionServerTakeover": "true", "compressionClientTakeover": true});
    let runtime = start(properties).await;
    let (client, answer) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    assert_eq!(answer.as_deref(), Some("permessage-deflate"));
    let mut client = client.with_takeover();
    let text = "no repetitions: qwertyuiopasdfghjklzxcvbnm0123456789";
    let mut lengths = Vec::new();
    for _ in 0..3 {
        client.send(text).await;
        let frame = client.frame().await;
        assert!(frame.is_compressed);
        assert_eq!(client.inflate(&frame.body), text.as_bytes());
        lengths.push(frame.body.len());
    }
    assert!(lengths[1] < lengths[0] / 4, "{lengths:?}");
    // Both sides keep their contexts over messages that are not compressed.
    client.send_frame(Frame::text(b"plain")).await;
    assert_eq!(client.text().await, "plain");
    client.send(text).await;
    assert_eq!(client.text().await, text);
}

#[tokio::test]
async fn messages_below_the_threshold_are_sent_as_they_are() {
    for takeover in ["false", "true"] {
        let runtime = start(json!({
            "compressionThreshold": "100", "compressionServerTakeover": takeover,
            "compressionLevel": "1",
        }))
        .await;
        let (client, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
        let mut client = client.with_takeover_of_server(takeover == "true");
        for (length, is_compressed) in [(99, false), (100, true), (99, false), (5000, true)] {
            let text = "x".repeat(length);
            client.send_frame(Frame::text(text.as_bytes())).await;
            let frame = client.frame().await;
            assert_eq!(frame.is_compressed, is_compressed, "{length}");
            let body = if is_compressed { client.inflate(&frame.body) } else { frame.body };
            assert_eq!(body, text.as_bytes());
        }
    }
}

#[tokio::test]
async fn the_first_valid_offer_is_accepted() {
    let runtime = start(json!({
        "compressionServerTakeover": "true", "compressionClientTakeover": "true",
        "compressionClientBits": "12",
    }))
    .await;
    for (offer, expected) in [
        ("permessage-deflate", Some("permessage-deflate")),
        (OFFER, Some("permessage-deflate; client_max_window_bits=12")),
        (
            "permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
            Some("permessage-deflate; server_max_window_bits=9; client_max_window_bits=10"),
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        ),
        (
            "x-webkit-deflate-frame, permessage-deflate; unknown, \
             permessage-deflate; server_max_window_bits=16, \
             permessage-deflate; server_max_window_bits=\"8\"; client_max_window_bits=\"8\", \
             permessage-deflate",
            Some("permessage-deflate; server_max_window_bits=8; client_max_window_bits=8"),
        ),
        (
            "permessage-deflate; server_max_window_bits=7\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover",
            Some("permessage-deflate; client_no_context_takeover"),
        ),
        ("x-webkit-deflate-frame", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; client_max_window_bits=16", None),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-bzip2; client_max_window_bits", None),
    ] {
        assert_eq!(answer(&runtime, offer).await.as_deref(), expected, "{offer}");
    }
    let response = Deflating::refused(&runtime.address, "/ws", "permessage-deflate; =").await;
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
}

#[tokio::test]
async fn a_client_that_offers_nothing_gets_nothing_compressed() {
    let runtime = start(json!({})).await;
    let mut plain = runtime.connect("/ws").await;
    plain.echo(&long("a")).await;
    let mut runtime = Runtime::start(echo()).await;
    assert_eq!(answer(&runtime, OFFER).await, None);
    runtime.redeploy(compressed(echo(), json!({}))).await;
    assert!(answer(&runtime, OFFER).await.is_some());
}

#[tokio::test]
async fn small_windows_hold_what_is_compressed() {
    let runtime = start(json!({"compressionServerTakeover": "true"})).await;
    for bits in 8..=15 {
        let offer = format!("permessage-deflate; server_max_window_bits={bits}");
        let (client, answer) = Deflating::connect(&runtime.address, "/ws", &offer).await;
        let answer = answer.unwrap();
        assert!(answer.contains(&format!("server_max_window_bits={bits}")), "{answer}");
        let mut client = client.with_takeover_of_server(true);
        let text: String = (0..3000).map(|at| format!("{at},")).collect();
        for _ in 0..3 {
            client.send(&text).await;
            assert_eq!(client.text().await, text, "{bits}");
        }
    }
}

#[tokio::test]
async fn fragments_may_be_compressed_and_control_frames_stand_between_them() {
    let runtime = start(json!({})).await;
    for end in [End::Flushed, End::Final] {
        let (mut client, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
        let text = long("ä€");
        let body = client.deflate(text.as_bytes(), end);
        for (at, part) in body.chunks(7).enumerate() {
            client.send_frame(Frame::part(at, part)).await;
            client.send_frame(Frame::ping(b"p")).await;
            assert_eq!(client.frame().await, Frame::pong(b"p"));
        }
        client.send_frame(Frame::end(b"")).await;
        assert_eq!(client.text().await, text);
    }
}

#[tokio::test]
async fn a_broadcast_is_compressed_for_those_who_agreed_on_it() {
    for properties in [json!({}), json!({"compressionServerTakeover": "true"})] {
        let is_compressed = properties == json!({});
        let runtime = Runtime::start(compressed(broadcaster(), properties)).await;
        let (mut first, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
        let narrow = "permessage-deflate; server_max_window_bits=9";
        let (mut second, _) = Deflating::connect(&runtime.address, "/ws", narrow).await;
        let mut plain = runtime.connect("/ws").await;
        let texts: Vec<String> = (0..20).map(|at| long(&at.to_string())).collect();
        for text in &texts {
            first.send_without_waiting(text);
        }
        first.flush().await;
        for text in &texts {
            for client in [&mut first, &mut second] {
                let frame = client.frame().await;
                // Nobody else has the context of a connection with takeover.
                assert_eq!(frame.is_compressed, is_compressed);
                let body = if is_compressed { client.inflate(&frame.body) } else { frame.body };
                assert_eq!(body, text.as_bytes());
            }
            assert_eq!(plain.text().await, *text);
        }
    }
}

#[tokio::test]
async fn a_bomb_ends_with_1009_and_takes_no_more_memory_than_a_message_may() {
    let runtime = start(json!({"maxMessage": "10000000"})).await;
    let mut bystander = runtime.connect("/ws").await;
    let (mut client, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    let bomb = Deflating::zeros(1024);
    assert!(bomb.len() < 1_100_000, "{}", bomb.len());
    let before = runtime.memory("VmHWM");
    client.send_frame(Frame { is_compressed: true, ..Frame::text(&bomb) }).await;
    bystander.echo("meanwhile").await;
    assert_eq!(client.close_code().await, 1009);
    let grown = runtime.memory("VmHWM") - before;
    // The bomb itself, and a message of 10 MB while it grows.
    assert!(grown < 50_000_000, "{grown} bytes");

    let (mut client, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    for (at, part) in bomb.chunks(10_000).enumerate().take(20) {
        client.send_frame(Frame::part(at, part)).await;
    }
    assert_eq!(client.close_code().await, 1009);
    bystander.echo("afterwards").await;
}

#[tokio::test]
async fn damaged_data_ends_with_1007_and_a_wrong_bit_with_1002() {
    let runtime = start(json!({})).await;
    let mut bystander = runtime.connect("/ws").await;
    let garbage = b"\xff\xff\xff\xff";
    for (frame, code) in [
        (Frame { is_compressed: true, ..Frame::text(garbage) }, 1007),
        (Frame { is_compressed: true, ..Frame::ping(b"") }, 1002),
        (Frame { is_compressed: true, ..Frame::end(b"") }, 1002),
    ] {
        let (mut client, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
        client.send_frame(frame).await;
        assert_eq!(client.close_code().await, code);
    }
    let (mut client, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    let body = client.deflate(b"not UTF-8: \xff", End::Flushed);
    client.send_frame(Frame { is_compressed: true, ..Frame::text(&body) }).await;
    assert_eq!(client.close_code().await, 1007);
    // The thread's decompressors are as good as new.
    let (mut client, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    client.send(&long("a")).await;
    assert_eq!(client.text().await, long("a"));
    bystander.echo("afterwards").await;
}

#[tokio::test]
async fn when_the_memory_for_contexts_is_used_up_there_is_no_takeover() {
    let flow = compressed(
        echo(),
        json!({"compressionServerTakeover": "true", "compressionClientTakeover": "true"}),
    );
    let runtime = Runtime::start_with(flow, &["--max-compression-memory", "1 MiB"], &[]).await;
    let (first, answer) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    assert_eq!(answer.as_deref(), Some("permessage-deflate"));
    let (second, answer) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    assert_eq!(answer.as_deref(), Some("permessage-deflate"));
    let alone = Some(ALONE);
    let (mut third, answer) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    assert_eq!(answer.as_deref(), alone);
    for (mut client, text) in [(first.with_takeover(), "a"), (second.with_takeover(), "b")] {
        client.send(&long(text)).await;
        assert_eq!(client.text().await, long(text));
        client.close().await;
    }
    third.send(&long("c")).await;
    assert_eq!(third.text().await, long("c"));
    let (_, answer) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    assert_eq!(answer.as_deref(), Some("permessage-deflate"));
}

#[tokio::test]
async fn wrong_properties_are_reported() {
    let flow = compressed(
        echo(),
        json!({"compression": "brotli", "compressionServerBits": "8", "compressionLevel": "10"}),
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flows.json");
    std::fs::write(&file, flow.to_string()).unwrap();
    let output = crate::program("check").arg(&file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["`brotli`", "compressionServerBits", "compressionLevel"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A client that echoes, with properties.
fn client_flow(url: &str, properties: Value) -> Value {
    let client = with(with(client("c", url), json!({"compression": "deflate"})), properties);
    json!([tab("tab"), client, client_in("in", "c", &["out"]), client_out("out", "c")])
}

/// The offer of a client with `properties`, answered with `answer`.
async fn offered(properties: Value, answer: &str) -> (Runtime, Deflating, String) {
    let server = Server::start().await;
    let runtime = Runtime::start(client_flow(&server.url("/"), properties)).await;
    let (peer, offer) = Deflating::accept(server.tcp().await, answer).await;
    (runtime, peer, offer)
}

#[tokio::test]
async fn a_client_offers_what_its_properties_say() {
    for (properties, expected) in [
        (
            json!({}),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             client_max_window_bits",
        ),
        (
            json!({
                "compressionServerTakeover": "true", "compressionClientTakeover": "true",
                "compressionServerBits": "10", "compressionClientBits": "9",
            }),
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
        ),
    ] {
        let (_runtime, _, offer) = offered(properties, "").await;
        assert_eq!(offer, expected);
    }
}

#[tokio::test]
async fn a_client_compresses_as_the_server_answers() {
    let takeover =
        json!({"compressionServerTakeover": "true", "compressionClientTakeover": "true"});
    for (properties, answer, is_continued) in [
        (json!({}), ALONE, false),
        (takeover.clone(), "permessage-deflate", true),
        (takeover, "permessage-deflate; client_max_window_bits=8; server_max_window_bits=9", true),
    ] {
        let (_runtime, peer, _) = offered(properties, answer).await;
        let mut peer = if is_continued { peer.with_takeover() } else { peer };
        for _ in 0..3 {
            peer.send(&long("a")).await;
            let frame = peer.frame().await;
            assert!(frame.is_compressed && frame.is_masked);
            assert_eq!(peer.inflate(&frame.body), long("a").as_bytes());
        }
    }
    // Declined.
    let (_runtime, mut peer, _) = offered(json!({}), "").await;
    peer.send_frame(Frame::text(long("b").as_bytes())).await;
    let frame = peer.frame().await;
    assert_eq!((frame.is_compressed, frame.body), (false, long("b").into_bytes()));
}

#[tokio::test]
async fn a_client_refuses_an_answer_that_it_did_not_offer() {
    for (properties, answer) in [
        (json!({}), "permessage-deflate"),
        (json!({}), "permessage-deflate; server_no_context_takeover; client_max_window_bits"),
        (json!({}), "permessage-deflate; server_no_context_takeover; unknown"),
        (json!({}), "permessage-bzip2"),
        (json!({}), "permessage-deflate; server_no_context_takeover, x-other"),
        (json!({}), "permessage-deflate; server_no_context_takeover; server_max_window_bits=16"),
        (
            json!({"compressionClientBits": "9"}),
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
        ),
        (
            json!({"compressionServerBits": "9"}),
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
        ),
        (json!({"compressionServerBits": "9"}), "permessage-deflate; server_no_context_takeover"),
        (json!({"compression": ""}), "permessage-deflate"),
        (json!({}), "permessage-deflate; ="),
    ] {
        let (mut runtime, mut peer, _) = offered(properties, answer).await;
        runtime.log_line("invalid handshake response").await;
        assert!(peer.is_over().await, "{answer}");
    }
}

#[tokio::test]
async fn an_ordinary_server_declines_and_nothing_changes() {
    let server = Server::start().await;
    let _runtime = Runtime::start(client_flow(&server.url("/"), json!({}))).await;
    let mut peer = server.accept().await;
    peer.send(Message::text(long("a"))).await;
    assert_eq!(peer.text().await, long("a"));
}

#[tokio::test]
async fn a_client_answers_a_bomb_with_1009() {
    let (_runtime, mut peer, _) = offered(json!({"maxMessage": "1000000"}), ALONE).await;
    let bomb = Deflating::zeros(50);
    peer.send_frame(Frame { is_compressed: true, ..Frame::text(&bomb) }).await;
    assert_eq!(peer.close_code().await, 1009);
}

#[tokio::test]
async fn a_large_message_is_compressed_while_others_are_served() {
    let runtime = start(json!({"compressionServerTakeover": "true"})).await;
    let (client, _) = Deflating::connect(&runtime.address, "/ws", OFFER).await;
    let mut client = client.with_takeover_of_server(true);
    let mut bystander = runtime.connect("/ws").await;
    let text = long("large").repeat(2000);
    client.send(&text).await;
    bystander.echo("meanwhile").await;
    assert!(client.text().await == text);
    // The context is still the same on both sides.
    client.send(&long("a")).await;
    assert_eq!(client.text().await, long("a"));
}

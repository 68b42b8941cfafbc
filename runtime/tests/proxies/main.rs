//! The proxies of `docs/proxies.md`, in front of the real binary. `cargo xtask proxies` runs these tests,
//! which need nginx, HAProxy and Apache.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

mod page;
mod proxy;
mod site;
#[path = "../flows/support.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use self::page::Snippet;
use self::proxy::KINDS;
use self::site::{NAME, Site};
use self::support::soon;

/// The runtime with its default set of plugins.
fn program(command: &str) -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    program.arg(command);
    program
}

#[tokio::test]
async fn listeners_echo_small_and_large_messages() {
    for kind in KINDS {
        let site = Site::start(kind).await;
        let mut client = site.connect("/ws", None).await;
        for length in [1, 100, 2_000_000] {
            let text = "x".repeat(length);
            client.send(Message::text(text.clone())).await.unwrap();
            let answer = soon("an echo", client.next()).await.unwrap().unwrap();
            assert_eq!(answer.into_text().unwrap().as_str(), text, "{kind:?}");
        }
        client.close(None).await.unwrap();
        let close = soon("a close frame", client.next()).await.unwrap().unwrap();
        assert!(close.is_close(), "{kind:?}: {close:?}");
    }
}

#[tokio::test]
async fn flows_see_the_address_of_the_client_whatever_it_claims() {
    for kind in KINDS {
        let site = Site::start(kind).await;
        let claims = "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\n";
        for claim in ["", claims] {
            let (status, body) = site.request("GET", "/who", claim, "").await;
            assert_eq!((status, body.as_str()), (200, "127.0.0.2"), "{kind:?} {claim}");
        }
    }
}

#[tokio::test]
async fn bodies_paths_and_refused_upgrades_pass() {
    for kind in KINDS {
        let site = Site::start(kind).await;
        let body = "x".repeat(3_000_000);
        let (status, length) =
            site.request("POST", "/length", "Content-Type: text/plain\r\n", &body).await;
        assert_eq!((status, length.as_str()), (200, "3000000"), "{kind:?}");
        let (status, name) = site.request("GET", "/item/a%2Fb%20c", "", "").await;
        assert_eq!((status, name.as_str()), (200, "a/b c"), "{kind:?}");
        assert_eq!(site.request("GET", "/ws", "", "").await.0, 426, "{kind:?}");
        assert_eq!(site.request("GET", "/nothing", "", "").await.0, 404, "{kind:?}");
    }
}

#[tokio::test]
async fn the_editor_logs_in_and_other_sites_do_not() {
    for kind in KINDS {
        let site = Site::start_with_login(kind).await;
        let form =
            "client_id=node-red-editor&grant_type=password&scope=&username=admin&password=secret";
        let own = format!("Origin: https://{NAME}:{}\r\n", site.port());
        let foreign = "Origin: https://evil.example\r\n";
        let content = "Content-Type: application/x-www-form-urlencoded\r\n";
        let log_in = async |origin: &str| {
            site.request("POST", "/auth/token", &format!("{origin}{content}"), form).await
        };
        assert_eq!(log_in(foreign).await.0, 403, "{kind:?}");
        let (status, token) = log_in(&own).await;
        assert_eq!(status, 200, "{kind:?}: {token}");
        let token: serde_json::Value = serde_json::from_str(&token).unwrap();
        let token = token["access_token"].as_str().unwrap();

        assert_eq!(site.request("GET", "/flows", &own, "").await.0, 401, "{kind:?}");
        let bearer = format!("{own}Authorization: Bearer {token}\r\n");
        assert_eq!(site.request("GET", "/flows", &bearer, "").await.0, 200, "{kind:?}");

        let origin = format!("https://{NAME}:{}", site.port());
        let mut comms = site.connect("/comms", Some(&origin)).await;
        let login = json!({"auth": token}).to_string();
        comms.send(Message::text(login)).await.unwrap();
        let answer = soon("an answer", comms.next()).await.unwrap().unwrap();
        assert_eq!(answer.into_text().unwrap().as_str(), r#"{"auth":"ok"}"#, "{kind:?}");
        assert_eq!(site.refusal("/comms", "https://evil.example").await, 403, "{kind:?}");
    }
}

#[tokio::test]
async fn events_of_the_test_page_are_not_held_back() {
    for kind in KINDS {
        let site = Site::start(kind).await;
        let mut events = site.stream("/ferrowire/events").await;
        let head = soon("a head", events.until("\r\n\r\n")).await;
        assert!(head.contains(" 200 OK"), "{kind:?}: {head}");
        let mut client = site.connect("/ws", None).await;
        soon("the status of the listener's nodes", events.until("data: ")).await;
        client.close(None).await.unwrap();
    }
}

#[tokio::test]
async fn idle_sockets_end_at_the_time_limit_and_pings_of_either_side_keep_them() {
    for kind in KINDS {
        let site = Site::start_edited(kind, |snippet| kind.shorten(snippet)).await;
        let mut idle = site.connect("/ws", None).await;
        let mut pinging = site.connect("/ws", None).await;
        let mut pinged = site.connect("/heartbeat", None).await;
        let began = Instant::now();
        let mut pings = tokio::time::interval(Duration::from_millis(200));
        // The proxy's clock is a real one.
        let mut idle_ended = false;
        while !idle_ended || began.elapsed() < Duration::from_secs(2) {
            tokio::select! {
                _ = idle.next(), if !idle_ended => idle_ended = true,
                frame = pinged.next() => {
                    let frame = frame.unwrap().unwrap();
                    assert!(frame.is_ping(), "{kind:?}: {frame:?}");
                }
                _ = pings.tick() => {
                    pinging.send(Message::Ping("alive".into())).await.unwrap();
                    let pong = soon("a pong", pinging.next()).await.unwrap().unwrap();
                    assert!(pong.is_pong(), "{kind:?}: {pong:?}");
                }
            }
        }
        pinging.send(Message::text("still here")).await.unwrap();
        let echo = soon("an echo", pinging.next()).await.unwrap().unwrap();
        assert_eq!(echo.into_text().unwrap().as_str(), "still here", "{kind:?}");
    }
}

#[tokio::test]
async fn everything_works_below_a_path() {
    for kind in KINDS {
        let args = ["--http-admin-root", "/tools", "--http-node-root", "/tools"];
        let below = |snippet: Snippet| kind.below_a_path(snippet);
        let site = Site::start_edited_with(kind, &args, below).await;
        assert_eq!(site.request("GET", "/tools/who", "", "").await, (200, "127.0.0.2".to_owned()));
        assert_eq!(site.request("GET", "/tools/flows", "", "").await.0, 200, "{kind:?}");
        assert_ne!(site.request("GET", "/who", "", "").await.0, 200, "{kind:?}");
        let mut client = site.connect("/tools/ws", None).await;
        client.send(Message::text("below")).await.unwrap();
        let echo = soon("an echo", client.next()).await.unwrap().unwrap();
        assert_eq!(echo.into_text().unwrap().as_str(), "below", "{kind:?}");
    }
}

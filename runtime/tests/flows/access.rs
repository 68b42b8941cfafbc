//! Who may connect to a listener, through the real binary and real sockets.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Request};

use crate::support::{Client, Runtime, listener, set_payload, soon, tab, with, ws_in, ws_out};
use crate::tokens::{Signer, in_seconds};

/// A listener with these properties at `/ws`, which responds to everything with `msg._session`.
pub(crate) fn who_am_i(properties: Value) -> Value {
    let listener = with(with(listener("l", "/ws"), json!({"details": "true"})), properties);
    json!([
        tab("tab"),
        listener,
        ws_in("in", "l", &["who"]),
        set_payload("who", "_session", "msg", &["out"]),
        ws_out("out", "l"),
    ])
}

/// The response to a handshake: its status, head and body. The connection is kept open.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) _stream: TcpStream,
}

pub(crate) async fn shake(runtime: &Runtime, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = ask(runtime, target, headers).await;
    let mut text = Vec::new();
    let read = async {
        while !text.ends_with(b"\r\n\r\n") {
            text.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8_lossy(&text).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        text.extend(body);
    };
    soon("a response", read).await;
    let text = String::from_utf8(text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, text, _stream: stream }
}

/// Sends a handshake, without waiting for the response.
pub(crate) async fn ask(runtime: &Runtime, target: &str, headers: &[(&str, &str)]) -> TcpStream {
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn status(runtime: &Runtime, target: &str, headers: &[(&str, &str)]) -> u16 {
    shake(runtime, target, headers).await.status
}

pub(crate) async fn connect(
    runtime: &Runtime,
    target: &str,
    headers: &[(&'static str, &str)],
) -> Client {
    let mut request: Request<()> = runtime.url(target).into_client_request().unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    Client::connect(request).await
}

/// The session of a client, as the flow sees it.
pub(crate) async fn session(client: &mut Client) -> Value {
    client.send("?").await;
    client.json().await
}

/// What the log must not contain, after everything has ended.
async fn assert_not_logged(runtime: Runtime, secrets: &[&str]) {
    let passed = runtime.passed().join("\n");
    let (log, _) = runtime.terminate().await;
    for secret in secrets {
        assert!(!log.contains(secret) && !passed.contains(secret), "{secret} in\n{passed}\n{log}");
    }
}

const TOKEN: &str = "dG9rZW4tb2YtYW5u";

fn with_tokens(more: Value) -> Value {
    let properties =
        json!({"auth": "token", "credentials": {"authTokens": format!("other\nann:{TOKEN}")}});
    who_am_i(with(properties, more))
}

#[tokio::test]
async fn a_token_counts_in_each_place_and_is_shown_nowhere() {
    let places = "header, cookie:sid, query:token, subprotocol, message";
    let mut runtime = Runtime::start(with_tokens(json!({"authFrom": places}))).await;
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("a=1; sid={TOKEN}");
    let offer = format!("chat, bearer.{TOKEN}");
    let query = format!("/ws?x=1&token={TOKEN}");
    let mut sessions = Vec::new();
    for (target, headers) in [
        ("/ws", vec![("authorization", bearer.as_str())]),
        ("/ws", vec![("cookie", cookie.as_str())]),
        (query.as_str(), vec![]),
        ("/ws", vec![("sec-websocket-protocol", offer.as_str())]),
    ] {
        let mut client = connect(&runtime, target, &headers).await;
        sessions.push(session(&mut client).await);
    }
    for message in [TOKEN.to_owned(), json!({"token": TOKEN}).to_string()] {
        let mut client = runtime.connect("/ws").await;
        client.send(&message).await;
        sessions.push(session(&mut client).await);
    }
    for session in &sessions {
        assert_eq!(session["user"], "ann");
        assert!(!session.to_string().contains(TOKEN), "{session}");
    }
    assert_eq!(sessions[1]["cookies"], json!({"a": "1"}));
    assert_eq!(sessions[2]["query"], json!({"x": "1"}));
    assert_eq!(sessions[3]["protocol"], "chat");

    assert_eq!(status(&runtime, "/ws", &[("authorization", "Bearer wr0ng")]).await, 401);
    let line = runtime.log_line("refused a handshake").await;
    assert!(line.contains("127.0.0.1 with 401: the token is unknown"), "{line}");
    assert_not_logged(runtime, &[TOKEN, "wr0ng"]).await;
}

#[tokio::test]
async fn without_a_token_a_handshake_is_refused() {
    let runtime = Runtime::start(with_tokens(json!({}))).await;
    let query = format!("/ws?token={TOKEN}");
    for target in ["/ws", query.as_str()] {
        let answer = shake(&runtime, target, &[]).await;
        assert_eq!(answer.status, 401);
        assert!(answer.text.contains("www-authenticate: Bearer"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_client_gets_nothing_before_its_first_message_is_accepted() {
    let nodes = with_tokens(json!({"authFrom": "message"}));
    let mut nodes = nodes;
    nodes[3] = crate::support::delete_session("who", &["out"]);
    let runtime = Runtime::start(nodes).await;
    let mut waiting = runtime.connect("/ws").await;
    let mut known = runtime.connect("/ws").await;
    known.send(TOKEN).await;
    known.echo("to all").await;
    waiting.send(TOKEN).await;
    // The listener reads the answer to a ping behind the token.
    waiting.echo("to all again").await;
    assert_eq!(known.text().await, "to all again");
}

#[tokio::test]
async fn a_wrong_first_message_is_closed_with_1008_and_none_with_3008() {
    let properties = json!({"authFrom": "message", "authTimeout": "0.3"});
    let mut runtime = Runtime::start(with_tokens(properties)).await;
    let mut wrong = runtime.connect("/ws").await;
    wrong.send("wr0ng").await;
    assert_eq!(u16::from(wrong.closed().await.unwrap().code), 1008);
    let line = runtime.log_line("refused a handshake").await;
    assert!(line.contains("the token is unknown"), "{line}");
    let mut silent = runtime.connect("/ws").await;
    assert_eq!(u16::from(silent.closed().await.unwrap().code), 3008);
    let mut large = runtime.connect("/ws").await;
    large.send(&"x".repeat(17 * 1024)).await;
    assert_eq!(u16::from(large.closed().await.unwrap().code), 1009);
    assert_not_logged(runtime, &["wr0ng"]).await;
}

const SECRET: &str = "a secret that nobody guesses, really";

fn with_jwt(more: Value) -> Value {
    let properties = json!({"auth": "jwt", "credentials": {"jwtKey": SECRET}});
    who_am_i(with(properties, more))
}

#[tokio::test]
async fn a_json_web_token_says_who_it_is() {
    let runtime = Runtime::start(with_jwt(json!({"jwtUserClaim": "name"}))).await;
    let claims = json!({"sub": "1", "name": "ann", "exp": in_seconds(60), "role": "admin"});
    let bearer = format!("Bearer {}", Signer::secret(SECRET).token(&claims));
    let mut client = connect(&runtime, "/ws", &[("authorization", &bearer)]).await;
    let session = session(&mut client).await;
    assert_eq!((&session["user"], &session["claims"]["role"]), (&json!("ann"), &json!("admin")));
}

#[tokio::test]
async fn each_bad_token_gets_401_or_1008_and_one_line_without_it() {
    let rules = json!({"authFrom": "header, message", "jwtAudience": "us", "jwtLeeway": "0"});
    let mut runtime = Runtime::start(with_jwt(rules)).await;
    let signer = Signer::secret(SECRET);
    let good = json!({"aud": "us", "sub": "ann"});
    let unsigned = signer.token_with(&json!({"alg": "none"}), &good);
    for (token, reason) in [
        (Signer::secret("other").token(&good), "the token's signature is invalid"),
        (
            signer.token(&with(good.clone(), json!({"exp": in_seconds(-1)}))),
            "the token has expired",
        ),
        (signer.token(&with(good.clone(), json!({"nbf": in_seconds(60)}))), "not valid yet"),
        (unsigned.rsplit_once('.').unwrap().0.to_owned() + ".", "the token is malformed"),
        (signer.token(&with(good.clone(), json!({"exp": "soon"}))), "has the wrong type"),
        (signer.token(&json!({"aud": "them"})), "the token is for another audience"),
        (signer.token(&json!({})), "the token lacks a required claim"),
        (Signer::ed().token(&good), "the token's key is unknown"),
        ("no-token".to_owned(), "the token is malformed"),
    ] {
        let bearer = format!("Bearer {token}");
        let answer = shake(&runtime, "/ws", &[("authorization", &bearer)]).await;
        assert_eq!(answer.status, 401, "{reason}");
        assert!(answer.text.contains("error=\"invalid_token\""), "{}", answer.text);
        let line = runtime.log_line("refused a handshake").await;
        assert!(line.contains(reason) && !line.contains(&token), "{reason}: {line}");

        let mut client = runtime.connect("/ws").await;
        client.send(&token).await;
        let close = client.closed().await.unwrap();
        assert_eq!(u16::from(close.code), 1008, "{reason}");
        let line = runtime.log_line("refused a handshake").await;
        assert!(line.contains(reason) && !line.contains(&token), "{reason}: {line}");
    }
    let mut client = runtime.connect("/ws").await;
    client.send(&signer.token(&good)).await;
    assert_eq!(session(&mut client).await["user"], "ann");
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let runtime = Runtime::start(with_jwt(json!({"jwtLeeway": "0"}))).await;
    let token = Signer::secret(SECRET).token(&json!({"exp": in_seconds(2)}));
    let bearer = format!("Bearer {token}");
    let mut client = connect(&runtime, "/ws", &[("authorization", &bearer)]).await;
    let close = client.closed().await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (3000, "the token has expired"));
}

#[tokio::test]
async fn a_public_key_verifies_tokens_and_is_no_secret() {
    let signer = Signer::ec();
    let pem = signer.pem().replace('\n', "\\n");
    let nodes = with_jwt(json!({"credentials": {"jwtKey": "${KEY}"}}));
    let runtime = Runtime::start_with(nodes, &[], &[("KEY", &pem)]).await;
    let bearer = format!("Bearer {}", signer.token(&json!({"sub": "ann"})));
    let mut client = connect(&runtime, "/ws", &[("authorization", &bearer)]).await;
    assert_eq!(session(&mut client).await["user"], "ann");
    for secret in [pem.clone(), signer.pem()] {
        let forged = format!("Bearer {}", Signer::secret(&secret).token(&json!({"sub": "root"})));
        assert_eq!(status(&runtime, "/ws", &[("authorization", &forged)]).await, 401);
    }
}

#[tokio::test]
async fn a_login_has_a_name_and_is_tried_five_times() {
    let properties = json!({"auth": "basic", "credentials": {"authUsers": "ann:p:w, bob:other"}});
    let runtime = Runtime::start(who_am_i(properties)).await;
    let answer = shake(&runtime, "/ws", &[]).await;
    assert_eq!(answer.status, 401);
    assert!(answer.text.contains("www-authenticate: Basic realm="), "{}", answer.text);
    // ann:p:w
    let mut client = connect(&runtime, "/ws", &[("authorization", "Basic YW5uOnA6dw==")]).await;
    let session = session(&mut client).await;
    assert_eq!(session["user"], "ann");
    assert!(session["headers"].get("authorization").is_none());
    // bob:wrong
    let wrong = [("authorization", "Basic Ym9iOndyb25n")];
    for _ in 0..5 {
        assert_eq!(status(&runtime, "/ws", &wrong).await, 401);
    }
    let answer = shake(&runtime, "/ws", &wrong).await;
    assert_eq!(answer.status, 429);
    assert!(answer.text.contains("retry-after: "), "{}", answer.text);
}

#[tokio::test]
async fn failed_tokens_are_limited_for_an_address() {
    let runtime = Runtime::start(with_tokens(json!({}))).await;
    let wrong = [("authorization", "Bearer wrong")];
    let mut failed = 0;
    while status(&runtime, "/ws", &wrong).await == 401 {
        failed += 1;
        assert!(failed < 100);
    }
    // A debt is paid second by second, so a slow machine may try a little more often.
    assert!(failed >= 60, "{failed}");
}

#[tokio::test]
async fn a_listener_without_its_secrets_lets_nobody_in() {
    for (properties, error) in [
        (json!({"auth": "token"}), "`auth` has no tokens"),
        (json!({"auth": "token", "authTokens": "${UNSET}"}), "`auth` has no tokens"),
        (json!({"auth": "basic"}), "`auth` has no users"),
        (json!({"auth": "jwt"}), "`auth` has no key"),
        (json!({"auth": "flow"}), "no `websocket handshake` node uses this listener"),
    ] {
        let mut runtime = Runtime::start(who_am_i(properties)).await;
        runtime.log_line(error).await;
        for token in ["", "${UNSET}"] {
            let bearer = format!("Bearer {token}");
            let status = status(&runtime, "/ws", &[("authorization", &bearer)]).await;
            assert!(matches!(status, 401 | 503), "{error}: {status}");
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_not_connect() {
    let origins = "https://example.org, http://*.test:8080";
    let mut runtime = Runtime::start(who_am_i(json!({"origins": origins}))).await;
    for origin in ["https://example.org", "http://a.test:8080"] {
        assert_eq!(status(&runtime, "/ws", &[("origin", origin)]).await, 101, "{origin}");
    }
    for origin in ["http://example.org", "https://example.org.evil.test", "http://a.test", "null"] {
        assert_eq!(status(&runtime, "/ws", &[("origin", origin)]).await, 403, "{origin}");
        runtime.log_line("with 403: pages of this origin may not connect").await;
    }
    assert_eq!(status(&runtime, "/ws", &[]).await, 101, "not a page");
}

#[tokio::test]
async fn the_connections_of_a_listener_are_limited() {
    let runtime = Runtime::start(who_am_i(json!({"maxConnections": "2"}))).await;
    let mut events = runtime.events().await;
    let (first, _second) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    let answer = shake(&runtime, "/ws", &[]).await;
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("retry-after: 5"), "{}", answer.text);
    first.close().await;
    events.status("in", "connected 1").await;
    // The place is free once the task of the connection has ended, which comes after its status.
    while status(&runtime, "/ws", &[]).await != 101 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_address_and_the_runtime_have_limits_too() {
    let runtime = Runtime::start(who_am_i(json!({"maxPerAddress": "1"}))).await;
    let _first = runtime.connect("/ws").await;
    let answer = shake(&runtime, "/ws", &[]).await;
    assert_eq!(answer.status, 429);
    assert!(answer.text.contains("retry-after: "), "{}", answer.text);

    let mut two = who_am_i(json!({}));
    two.as_array_mut().unwrap().push(listener("l2", "/other"));
    let runtime = Runtime::start_with(two, &["--max-clients", "1"], &[]).await;
    let _first = runtime.connect("/ws").await;
    assert_eq!(status(&runtime, "/other", &[]).await, 503);
}

#[tokio::test]
async fn handshakes_a_second_are_limited() {
    let runtime = Runtime::start(who_am_i(json!({"maxHandshakeRate": "1"}))).await;
    let mut open = Vec::new();
    let refused = loop {
        let answer = shake(&runtime, "/ws", &[]).await;
        if answer.status != 101 {
            break answer;
        }
        open.push(answer);
        assert!(open.len() < 50, "no limit");
    };
    assert_eq!(refused.status, 503);
    assert!(refused.text.contains("retry-after: 1"), "{}", refused.text);
}

#[tokio::test]
async fn a_session_must_speak_in_time() {
    let runtime = Runtime::start(who_am_i(json!({"firstMessageTimeout": "0.3"}))).await;
    let mut silent = runtime.connect("/ws").await;
    assert_eq!(u16::from(silent.closed().await.unwrap().code), 3008);
    let mut first = runtime.connect("/ws").await;
    session(&mut first).await;
    let mut second = runtime.connect("/ws").await;
    assert_eq!(u16::from(second.closed().await.unwrap().code), 3008);
    session(&mut first).await;
}

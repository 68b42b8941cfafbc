//! `http request` nodes that send requests to flows of the same runtime.

use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Runtime, node, soon, tab, with};

fn function(id: &str, source: &str, to: &str) -> Value {
    node(id, "function", json!({"func": source, "outputs": 1, "libs": []}), &[to])
}

fn http_in(id: &str, method: &str, url: &str, to: &str) -> Value {
    node(id, "http in", json!({"method": method, "url": url, "skipBodyParsing": false}), &[to])
}

/// Responds to `POST /go` with the outcome of the request that its body describes.
fn asks(properties: Value) -> Value {
    let request = json!({"method": "use", "ret": "txt", "url": "", "senderr": false});
    json!([
        tab("tab"),
        http_in("go", "post", "/go", "call"),
        function(
            "call",
            "const call = msg.payload; delete msg.payload; return Object.assign(msg, call)",
            "request",
        ),
        with(node("request", "http request", request, &["tell"]), properties),
        function(
            "tell",
            "msg.payload = {status: msg.statusCode, payload: msg.payload, url: msg.responseUrl, \
             redirects: msg.redirectList, cookies: msg.responseCookies, headers: msg.headers}; \
             for (const name of ['statusCode', 'headers', 'cookies']) delete msg[name]; return msg",
            "answer",
        ),
        node("answer", "http response", json!({}), &[]),
        // The targets of the requests.
        http_in("see", "post", "/see", "seen"),
        http_in("see2", "get", "/see", "seen"),
        function(
            "seen",
            "const {method, url, headers, rawHeaders, body, cookies} = msg.req; \
             msg.payload = {method, url, headers, body, cookies}; return msg",
            "out",
        ),
        http_in("move", "get", "/move/:to", "moved"),
        function(
            "moved",
            "msg.statusCode = 302; msg.headers = {location: '/' + msg.req.params.to}; \
             msg.cookies = {moved: 'yes'}; return msg",
            "out",
        ),
        node("out", "http response", json!({}), &[]),
        http_in("loop", "get", "/loop", "again"),
        function(
            "again",
            "msg.statusCode = 307; msg.headers = {location: 'loop'}; return msg",
            "out"
        ),
        http_in("never", "get", "/never", "nobody"),
        node("nobody", "comment", json!({}), &[]),
    ])
}

impl Runtime {
    /// The outcome of the request that `call` describes, to a path of this runtime.
    async fn ask(&self, path: &str, mut call: Value) -> Value {
        if call["url"].is_null() {
            call["url"] = format!("http://{}{path}", self.address).into();
        }
        let response = self.post_json("/go", &call.to_string()).await;
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {response}"))
    }
}

fn seen(got: &Value) -> Value {
    serde_json::from_str(got["payload"].as_str().unwrap())
        .unwrap_or_else(|error| panic!("{error}: {got}"))
}

#[tokio::test]
async fn a_payload_is_sent_as_what_it_is() {
    let runtime = Runtime::start(asks(json!({}))).await;
    let call = json!({"method": "post", "payload": {"a": [1]}, "headers": {"X-Mine": "1"}});
    let got = runtime.ask("/see?q=20%", call).await;
    assert_eq!(got["status"], 200);
    let request = seen(&got);
    assert_eq!(request["body"], json!({"a": [1]}));
    assert_eq!(request["url"], "/see?q=20%25");
    assert_eq!(request["headers"]["content-type"], "application/json");
    assert_eq!(request["headers"]["x-mine"], "1");
    let form = json!({"method": "POST", "payload": {"a": "x y", "b": [1, 2]},
        "headers": {"content-type": "application/x-www-form-urlencoded"}});
    assert_eq!(
        seen(&runtime.ask("/see", form).await)["body"],
        json!({"a": "x y", "b": ["1", "2"]})
    );
    let text =
        json!({"method": "POST", "payload": "plain", "headers": {"content-type": "text/plain"}});
    assert_eq!(seen(&runtime.ask("/see", text).await)["body"], "plain");
}

#[tokio::test]
async fn redirects_are_followed_with_cookies_or_not_at_all() {
    let runtime = Runtime::start(asks(json!({}))).await;
    let call = json!({"method": "GET", "cookies": {"mine": "a b"}});
    let got = runtime.ask("/move/see", call).await;
    assert_eq!(got["url"], format!("http://{}/see", runtime.address));
    assert_eq!(got["redirects"][0]["location"], "/see");
    assert_eq!(got["redirects"][0]["cookies"]["moved"]["value"], "yes");
    // The cookie of the message applies to the folder of its URL, as in browsers.
    assert_eq!(seen(&got)["cookies"], json!({"moved": "yes"}));
    let stays = runtime.ask("/move/see", json!({"method": "GET", "followRedirects": false})).await;
    assert_eq!((&stays["status"], &stays["headers"]["location"]), (&json!(302), &json!("/see")));
    let circle = runtime.ask("/loop", json!({"method": "GET"})).await;
    assert_eq!(circle["status"], "ERR_TOO_MANY_REDIRECTS", "{circle}");
}

/// Sends requests of any method from `/r/STATUS` to `/t`, which tells what it got.
fn redirects() -> Value {
    let mut flow = asks(json!({}));
    let nodes = flow.as_array_mut().unwrap();
    for method in ["get", "post", "put", "patch", "delete"] {
        nodes.push(http_in(&format!("r-{method}"), method, "/r/:status", "redirect"));
        nodes.push(http_in(&format!("t-{method}"), method, "/t", "seen"));
    }
    let redirect = "msg.statusCode = Number(msg.req.params.status); \
                    msg.headers = {location: '/t'}; return msg";
    nodes.push(function("redirect", redirect, "out"));
    flow
}

#[tokio::test]
async fn only_see_other_makes_a_get_of_a_request() {
    let runtime = Runtime::start(redirects()).await;
    for status in [301, 302, 303, 307, 308] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let call = json!({"method": method, "payload": {"a": 1}});
            let request = seen(&runtime.ask(&format!("/r/{status}"), call).await);
            let (kept, body) = match status {
                303 => ("GET", json!({})),
                _ => (method, json!({"a": 1})),
            };
            let got = (&request["method"], &request["body"]);
            assert_eq!(got, (&json!(kept), &body), "{method} at {status}: {request}");
        }
    }
}

#[tokio::test]
async fn a_request_without_a_body_says_so_where_one_is_expected() {
    let runtime = Runtime::start(redirects()).await;
    for (method, length) in [
        ("POST", json!("0")),
        ("PUT", json!("0")),
        ("PATCH", json!("0")),
        ("DELETE", Value::Null),
        ("GET", Value::Null),
    ] {
        for call in [json!({"method": method}), json!({"method": method, "payload": ""})] {
            let request = seen(&runtime.ask("/t", call).await);
            assert_eq!(request["headers"]["content-length"], length, "{request}");
            assert_eq!(request["headers"]["transfer-encoding"], Value::Null);
        }
    }
}

#[tokio::test]
async fn what_goes_wrong_is_said_and_reaches_the_flow() {
    let mut runtime = Runtime::start(asks(json!({}))).await;
    let late = runtime.ask("/never", json!({"method": "GET", "requestTimeout": 50})).await;
    assert_eq!(late["status"], "ETIMEDOUT");
    runtime.log_line("no response from server").await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{free}/x");
    let refused = runtime.ask("", json!({"url": url, "method": "GET"})).await;
    assert_eq!(refused["status"], "ECONNREFUSED");
    let text = refused["payload"].as_str().unwrap();
    assert!(text.starts_with("RequestError: cannot reach 127.0.0.1:"), "{text}");
    assert!(text.ends_with(&format!(" : {url}")), "{text}");
    let invalid = json!({"method": "GET", "headers": {"a b": "1"}});
    assert_eq!(runtime.ask("/see", invalid).await["status"], "ERR_INVALID_HTTP_TOKEN");
}

#[tokio::test]
async fn the_environment_says_how_long_an_answer_may_take() {
    let env = [("FERROWIRE_HTTP_REQUEST_TIMEOUT", "0.05")];
    let runtime = Runtime::start_with(asks(json!({"method": "GET"})), &[], &env).await;
    assert_eq!(runtime.ask("/never", json!({})).await["status"], "ETIMEDOUT");
    let patient = runtime.ask("/see", json!({"requestTimeout": 60_000})).await;
    assert_eq!(patient["status"], 200, "{patient}");
}

#[tokio::test]
async fn responses_are_bounded() {
    let runtime = Runtime::start(asks(json!({"maxResponse": "20", "method": "GET"}))).await;
    let got = runtime.ask("/see", json!({})).await;
    assert_eq!(got["status"], "ERR_BODY_TOO_LARGE", "{got}");
}

/// A server that reads one request and responds with `response`; returns the request.
async fn one_request(listener: &TcpListener, response: &str) -> String {
    let (mut stream, _) = soon("a connection", listener.accept()).await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(soon("a request", stream.read_u8()).await.unwrap());
    }
    stream.write_all(response.as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn names_of_headers_keep_their_case() {
    let runtime = Runtime::start(asks(json!({}))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let call = json!({"url": url, "method": "GET", "headers": {"X-ODD-case": "1", "lower": "2"}});
    let (request, _) = tokio::join!(one_request(&listener, EMPTY), runtime.ask("", call));
    assert!(request.contains("\r\nX-ODD-case: 1\r\n"), "{request}");
    assert!(request.contains("\r\nlower: 2\r\n"), "{request}");
}

#[tokio::test]
async fn a_proxy_is_given_the_whole_url_and_its_credentials() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = proxy.local_addr().unwrap();
    let mut flow = asks(json!({"proxy": "p", "method": "GET", "url": "http://nowhere.test/a?b"}));
    let config = json!({"id": "p", "type": "http proxy", "url": format!("http://me:pw@{address}"),
        "noproxy": ["127.0.0.1"]});
    flow.as_array_mut().unwrap().push(config);
    let runtime = Runtime::start(flow).await;
    let (request, _) =
        tokio::join!(one_request(&proxy, EMPTY), runtime.ask("", json!({"url": ""})));
    assert!(request.starts_with("GET http://nowhere.test/a?b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("proxy-authorization: Basic bWU6cHc=\r\n"), "{request}");
}

#[tokio::test]
async fn a_pasted_authority_is_trusted_by_requests_and_sockets() {
    let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let args = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let mut served = asks(json!({}));
    for part in crate::support::echo().as_array().unwrap().iter().skip(1) {
        served.as_array_mut().unwrap().push(part.clone());
    }
    let server = Runtime::start_with(served, &args, &[]).await;
    let port = server.address.rsplit(':').next().unwrap();

    let mut flow = asks(json!({"tls": "t"}));
    let nodes = flow.as_array_mut().unwrap();
    nodes.push(
        json!({"id": "t", "type": "tls-config", "name": "", "cert": "", "key": "", "ca": "",
        "certname": "", "keyname": "", "caname": "pasted.pem", "servername": "",
        "verifyservercert": true, "credentials": {"cadata": made.cert.pem()}}),
    );
    nodes.push(json!({"id": "c", "type": "websocket-client", "tls": "t", "wholemsg": "false",
        "path": format!("wss://localhost:{port}/ws"), "hb": "0"}));
    nodes.push(node("ws", "websocket in", json!({"client": "c", "server": ""}), &[]));
    let client = Runtime::start(json!([tab("tab")])).await;
    let mut events = client.events().await;
    let deployed = client.post_json("/flows", &flow.to_string()).await;
    assert!(deployed.starts_with("HTTP/1.1 204 "), "{deployed}");
    events.next("the socket", |e| e["topic"] == "status" && e["data"]["fill"] == "green").await;
    let call = json!({"method": "GET", "url": format!("localhost:{port}/see")});
    let got = client.ask("", call).await;
    assert_eq!(got["status"], 200, "{got}");
    assert_eq!(seen(&got)["method"], "GET");

    let stranger = Runtime::start(asks(json!({}))).await;
    let url = format!("https://localhost:{port}/see");
    let got = stranger.ask("", json!({"method": "GET", "url": url.clone()})).await;
    assert_eq!(got["status"], "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "{got}");
    let call = json!({"method": "GET", "url": url, "rejectUnauthorized": false});
    assert_eq!(stranger.ask("", call).await["status"], 200);
}

/// A certificate or key of the tests of TLS clients.
fn identity(name: &str) -> String {
    format!("{}/../crates/net/tests/identity/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn a_flow_sees_the_verified_certificate_of_its_client() {
    let code = "const {authorized, peerCertificate} = msg.req.client; \
         msg.payload = {authorized, subject: peerCertificate?.subject}; return msg";
    let served = json!([
        tab("tab"),
        http_in("who", "get", "/who", "tell"),
        function("tell", code, "answer"),
        node("answer", "http response", json!({}), &[]),
    ]);
    let (cert, key, ca) = (identity("server.pem"), identity("server.key"), identity("ca.pem"));
    let args = ["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &ca];
    let args = [&args[..], &["--tls-client-cert", "optional"]].concat();
    let mut server = Runtime::start_with(served, &args, &[]).await;
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let call = json!({"method": "GET", "url": format!("https://localhost:{port}/who"),
        "headers": {"Client-Cert": ":AAAA:"}, "rejectUnauthorized": false});

    let mut flow = asks(json!({"tls": "t"}));
    flow.as_array_mut().unwrap().push(json!({"id": "t", "type": "tls-config", "name": "",
        "cert": identity("client.pem"), "key": identity("client.key"), "verifyservercert": false}));
    let client = Runtime::start(flow).await;
    let found = seen(&client.ask("", call.clone()).await);
    assert_eq!(found["authorized"], true, "{found}");
    assert!(found["subject"]["CN"].is_string(), "{found}");
    let stranger = Runtime::start(asks(json!({}))).await;
    assert_eq!(seen(&stranger.ask("", call.clone()).await), json!({"authorized": false}));

    server.signal("-HUP");
    server.log_line("new connections use the TLS certificate as it is now").await;
    assert_eq!(client.ask("", call).await["status"], 200);
}

#[tokio::test]
async fn a_failure_reaches_catch_nodes_before_the_output() {
    let request =
        json!({"method": "GET", "ret": "txt", "url": "http://127.0.0.1:1/", "senderr": false});
    let flow = json!([
        tab("tab"),
        http_in("go", "get", "/go", "request"),
        node("request", "http request", request, &["output"]),
        node("catch", "catch", json!({"scope": ["request"], "uncaught": false}), &["caught"]),
        function("caught", "flow.set('order', (flow.get('order') ?? '') + 'catch ')", "answer"),
        function(
            "output",
            "msg.payload = (flow.get('order') ?? '') + 'output'; return msg",
            "answer"
        ),
        node("answer", "http response", json!({"statusCode": "200"}), &[]),
    ]);
    let runtime = Runtime::start(flow).await;
    let mut all = String::new();
    for _ in 0..20 {
        let response =
            runtime.raw("GET /go HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n").await;
        all.push_str("catch ");
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, format!("{all}output"));
    }
}

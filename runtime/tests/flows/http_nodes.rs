//! Flows that serve pages and APIs: `http in` and `http response` over real connections.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Runtime, debug, listener, node, set, set_payload, soon, tab, with, ws_out};

pub(crate) fn http_in(id: &str, method: &str, url: &str, wires: &[&str]) -> Value {
    node(id, "http in", json!({"method": method, "url": url, "upload": false}), wires)
}

pub(crate) fn http_response(id: &str) -> Value {
    node(id, "http response", json!({"statusCode": "", "headers": {}}), &[])
}

/// A response as received.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}: "));
        self.head.lines().find(line)?.split_once(": ").map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Runtime {
    pub(crate) async fn http(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = match body.is_empty() {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", body.len()),
        };
        let response = self
            .raw(&format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{length}\r\n{body}"
            ))
            .await;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.http("GET", path, "", "").await
    }

    pub(crate) async fn post(&self, path: &str, kind: &str, body: &str) -> Answer {
        self.http("POST", path, &format!("Content-Type: {kind}\r\n"), body).await
    }
}

/// Responds with a property of the message.
fn tells(method: &str, url: &str, property: &str) -> Value {
    json!([
        tab("tab"),
        http_in("in", method, url, &["tell"]),
        set_payload("tell", property, "msg", &["out"]),
        http_response("out"),
    ])
}

#[tokio::test]
async fn a_flow_serves_a_page() {
    let template = json!({"template": "<h1>Hello {{payload.name}}</h1>", "syntax": "mustache",
        "field": "payload", "fieldType": "msg", "output": "str"});
    let runtime = Runtime::start(json!([
        tab("tab"),
        http_in("in", "get", "/hello", &["page"]),
        node("page", "template", template, &["out"]),
        http_response("out"),
    ]))
    .await;
    let page = runtime.get("/hello?name=W%26rld").await;
    assert_eq!((page.status, page.body.as_str()), (200, "<h1>Hello W&amp;rld</h1>"));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let head = runtime.http("HEAD", "/hello?name=W", "", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), Some("16"));
    assert_eq!(runtime.get("/nothing").await.status, 404);
    assert_eq!(runtime.post("/hello", "text/plain", "x").await.status, 404);
}

#[tokio::test]
async fn a_flow_is_told_all_about_a_request() {
    let runtime = Runtime::start(tells("post", "/items/:id/*", "req")).await;
    let headers = "Content-Type: application/json\r\nCookie: a=1\r\nX-Mine: yes\r\n";
    let answer = runtime.http("POST", "/items/7/x/y?q[r]=s", headers, "{\"k\":[1]}").await;
    let req = answer.json();
    assert_eq!(req["params"], json!({"id": "7", "0": "x/y"}));
    assert_eq!(req["query"], json!({"q": {"r": "s"}}));
    assert_eq!((&req["cookies"], &req["body"]), (&json!({"a": "1"}), &json!({"k": [1]})));
    assert_eq!((&req["headers"]["x-mine"], &req["method"]), (&json!("yes"), &json!("POST")));
    assert_eq!((&req["path"], &req["ip"]), (&json!("/items/7/x/y"), &json!("127.0.0.1")));
}

#[tokio::test]
async fn bodies_become_what_their_type_says() {
    let runtime = Runtime::start(tells("post", "/in", "payload")).await;
    let answer = runtime.post("/in", "application/json; charset=utf-8", "{\"a\":1}").await;
    assert_eq!(answer.json(), json!({"a": 1}));
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let form = "application/x-www-form-urlencoded";
    assert_eq!(
        runtime.post("/in", form, "a=1&b[]=2&b[]=3").await.json(),
        json!({"a": "1", "b": ["2", "3"]})
    );
    assert_eq!(runtime.post("/in", "text/plain", "plain").await.body, "plain");
    let binary = runtime.post("/in", "application/octet-stream", "\u{1}\u{2}").await;
    assert_eq!(
        (binary.body.as_str(), binary.header("content-type")),
        ("\u{1}\u{2}", Some("application/octet-stream"))
    );
    assert_eq!(runtime.http("POST", "/in", "", "").await.body, "");
    let malformed = runtime.post("/in", "application/json", "{\"a\"").await;
    assert_eq!(malformed.status, 400);
    assert!(malformed.body.starts_with("the body is not valid JSON: "), "{malformed:?}");
}

#[tokio::test]
async fn raw_bodies_are_buffers_whatever_their_type() {
    let mut flow = tells("post", "/in/:id", "payload");
    flow[1] = with(flow[1].clone(), json!({"skipBodyParsing": true}));
    let runtime = Runtime::start(flow).await;
    let raw = runtime.post("/in/1", "application/json", "{\"a\": 1 }").await;
    assert_eq!(raw.body, "{\"a\": 1 }");
    assert_eq!(raw.header("content-type"), Some("application/octet-stream"));
}

#[tokio::test]
async fn files_are_uploaded() {
    let mut flow = tells("post", "/up", "req");
    flow[1] = with(flow[1].clone(), json!({"upload": true}));
    let runtime = Runtime::start(flow).await;
    let body = "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n\
                --b\r\nContent-Disposition: form-data; name=\"doc\"; filename=\"a.txt\"\r\n\
                Content-Type: text/plain\r\n\r\ncontent\r\n--b--\r\n";
    let req = runtime.post("/up", "multipart/form-data; boundary=b", body).await.json();
    assert_eq!(req["body"], json!({"note": "hi"}));
    let file = &req["files"][0];
    assert_eq!(
        (&file["fieldname"], &file["originalname"], &file["mimetype"], &file["size"]),
        (&json!("doc"), &json!("a.txt"), &json!("text/plain"), &json!(7))
    );
    assert_eq!(file["buffer"]["data"].as_array().map(Vec::len), Some(7));
    let broken = runtime.post("/up", "multipart/form-data; boundary=b", "--b\r\nxx").await;
    assert_eq!(broken.status, 400, "{broken:?}");
}

#[tokio::test]
async fn the_message_and_the_node_say_how_to_answer() {
    let response =
        json!({"statusCode": "", "headers": {"X-Node": "node", "content-type": "text/css"}});
    let flow = json!([
        tab("tab"),
        http_in("in", "get", "/a", &["status"]),
        set("status", "statusCode", "418", "num", &["headers"]),
        set(
            "headers",
            "headers",
            r#"{"x-node":"msg","X-Msg":"msg","Content-Length":"999"}"#,
            "json",
            &["cookies"]
        ),
        set("cookies", "cookies", r#"{"a":"1 2","old":null}"#, "json", &["text"]),
        set_payload("text", "body{}", "str", &["out"]),
        node("out", "http response", response, &[]),
    ]);
    let runtime = Runtime::start(flow).await;
    let answer = runtime.get("/a").await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "body{}"));
    assert_eq!(answer.header("x-node"), Some("node"));
    assert_eq!(answer.header("x-msg"), Some("msg"));
    assert_eq!(answer.header("content-length"), Some("6"));
    assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(answer.head.contains("set-cookie: a=1%202; Path=/\r\n"), "{answer:?}");
    assert!(
        answer.head.contains("set-cookie: old=; Path=/; Expires=Thu, 01 Jan 1970"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_second_answer_and_one_to_nobody_are_errors_that_say_so() {
    let flow = json!([
        tab("tab"),
        http_in("in", "get", "/twice", &["first"]),
        node("first", "http response", json!({"headers": {}}), &[]),
        http_in("again", "get", "/again", &["one", "two"]),
        http_response("one"),
        http_response("two"),
        http_in("made", "get", "/made-up", &["forge"]),
        set("forge", "res", r#"{"_res":"0"}"#, "json", &["lost"]),
        http_response("lost"),
    ]);
    let mut runtime = Runtime::start_with(flow, &["--http-node-timeout", "0.2"], &[]).await;
    assert_eq!(runtime.get("/twice").await.status, 200);
    assert_eq!(runtime.get("/again?x=1").await.json(), json!({"x": "1"}));
    runtime.log_line("this request was already answered").await;
    let unanswered = runtime.get("/made-up").await;
    assert_eq!(unanswered.status, 504);
    runtime.log_line("`msg.res` does not refer to an open request").await;
    runtime.log_line("a request was not answered within 0.2 s").await;
}

#[tokio::test]
async fn a_client_that_leaves_is_neither_an_error_nor_a_warning() {
    let delay = json!({"pauseType": "delay", "timeout": "200", "timeoutUnits": "milliseconds"});
    let caught = json!({
        "active": true, "tosidebar": false, "console": true, "complete": "error.message",
        "targetType": "msg",
    });
    let flow = json!([
        tab("tab"),
        http_in("slow", "get", "/slow", &["delay", "tell"]),
        http_in("body", "post", "/body", &["delay"]),
        listener("l", "/arrived"),
        ws_out("tell", "l"),
        node("delay", "delay", delay, &["out"]),
        http_response("out"),
        node("catch", "catch", json!({"scope": null, "uncaught": false}), &["caught"]),
        node("caught", "debug", caught, &[]),
    ]);
    let runtime = Runtime::start(flow).await;
    let mut arrived = runtime.connect("/arrived").await;
    let mut leaving = Vec::new();
    for request in [
        "GET /slow HTTP/1.1\r\nHost: l\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: l\r\nContent-Length: 9\r\n\r\nhalf",
    ] {
        for _ in 0..20 {
            let mut client = TcpStream::connect(&runtime.address).await.unwrap();
            client.write_all(request.as_bytes()).await.unwrap();
            leaving.push(client);
        }
    }
    for _ in 0..20 {
        arrived.text().await;
    }
    drop(leaving);
    // All of the others have been answered when this one is.
    assert_eq!(runtime.get("/slow").await.status, 200);
    arrived.close().await;
    let (log, _) = runtime.terminate().await;
    assert!(log.contains("the client of this request disconnected"), "{log}");
    for unwanted in ["WARN", "ERROR", "id=caught"] {
        assert!(!log.contains(unwanted), "{log}");
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let args =
        ["--http-node-max-length", "8", "--http-node-max-open", "1", "--http-node-timeout", "20"];
    let flow = json!([
        tab("tab"),
        http_in("in", "post", "/hold", &["nobody"]),
        node("nobody", "comment", json!({}), &[]),
        http_in("get", "get", "/now", &["out"]),
        http_response("out"),
    ]);
    let mut runtime = Runtime::start_with(flow, &args, &[]).await;
    assert_eq!(runtime.post("/hold", "text/plain", "123456789").await.status, 413);
    // It may overtake the other request.
    let held = async {
        loop {
            let held = runtime.post("/hold", "text/plain", "12345678").await;
            if held.status != 503 {
                return held;
            }
        }
    };
    let other = async {
        loop {
            let now = runtime.get("/now").await;
            if now.status != 200 {
                return now;
            }
        }
    };
    let refused = tokio::select! {
        held = held => panic!("{held:?}"),
        refused = other => refused,
    };
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("raise `http-node-max-open`"), "{refused:?}");
    // The client of the waiting request has disconnected.
    while runtime.get("/now").await.status != 200 {}
    runtime.log_line("a request was refused with 413").await;
}

#[tokio::test]
async fn a_deploy_changes_what_is_served() {
    let mut runtime = Runtime::start(tells("get", "/a", "req.path")).await;
    assert_eq!(runtime.get("/a").await.body, "/a");
    runtime.redeploy(tells("get", "/b", "req.path")).await;
    assert_eq!(
        (runtime.get("/a").await.status, runtime.get("/b").await.body.as_str()),
        (404, "/b")
    );
}

#[tokio::test]
async fn the_first_of_two_nodes_at_a_path_answers() {
    let flow = json!([
        tab("tab"),
        http_in("one", "get", "/x", &["out"]),
        http_in("two", "get", "/x/", &["out"]),
        http_response("out"),
    ]);
    let mut runtime = Runtime::start(flow).await;
    assert_eq!(runtime.get("/x").await.status, 200);
    let line = runtime.log_line("this node receives no requests").await;
    assert!(line.contains("`GET /x` is handled by the node `"), "{line}");
}

#[tokio::test]
async fn pages_are_below_the_root_and_after_the_api() {
    let mut flow = tells("get", "/settings", "req.url");
    flow.as_array_mut().unwrap().push(http_in("home", "get", "/", &["tell"]));
    let args = ["--http-node-root", "/flows", "--http-admin-root", "/admin"];
    let runtime = Runtime::start_with(flow.clone(), &args, &[]).await;
    assert_eq!(runtime.get("/flows/settings?a").await.body, "/settings?a");
    assert_eq!(runtime.get("/flows/").await.body, "/");
    assert!(runtime.get("/").await.body.contains("Ferrowire runs here"));
    let both = Runtime::start(flow.clone()).await;
    assert_eq!(both.get("/settings").await.json()["httpNodeRoot"], "/");
    let alone = Runtime::start_with(flow, &["--http-admin-root", "off"], &[]).await;
    assert_eq!(alone.get("/").await.body, "/");
}

#[tokio::test]
async fn requests_that_wait_do_not_hold_up_the_end() {
    let flow = json!([tab("tab"), http_in("in", "get", "/wait", &["watch"]), debug("watch")]);
    let runtime = Runtime::start(flow).await;
    let mut events = runtime.events().await;
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    events.of("debug", "watch").await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("requests were still open"), "{log}");
    let mut response = String::new();
    soon("the refusal", stream.read_to_string(&mut response)).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
}

#[tokio::test]
async fn files_of_a_folder_are_served_where_no_flow_answers() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    std::fs::create_dir(&site).unwrap();
    std::fs::write(site.join("index.html"), "<p>home</p>").unwrap();
    std::fs::write(site.join("a b.css"), "p {}").unwrap();
    std::fs::write(site.join(".secret"), "no").unwrap();
    std::fs::write(folder.path().join("outside.txt"), "no").unwrap();
    let args = ["--http-static", site.to_str().unwrap(), "--http-static-root", "/site"];
    let runtime = Runtime::start_with(tells("get", "/site/flow", "req.path"), &args, &[]).await;
    let home = runtime.get("/site/").await;
    assert_eq!((home.status, home.body.as_str()), (200, "<p>home</p>"));
    assert!(home.header("content-type").unwrap().starts_with("text/html"), "{home:?}");
    let style = runtime.get("/site/a%20b.css").await;
    assert!(style.header("content-type").unwrap().starts_with("text/css"), "{style:?}");
    let tag = format!("If-None-Match: {}\r\n", style.header("etag").unwrap());
    assert_eq!(runtime.http("GET", "/site/a%20b.css", &tag, "").await.status, 304);
    assert!(style.header("last-modified").is_some());
    assert_eq!(runtime.get("/site/flow").await.body, "/site/flow");
    for path in [
        "/site/../outside.txt",
        "/site/%2e%2e/outside.txt",
        "/site/..%2foutside.txt",
        "/site/%5c..%5coutside.txt",
        "/site//etc/passwd",
        "/site/.secret",
        "/site/%2esecret",
        "/site/nothing",
    ] {
        let answer = runtime.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn other_sites_and_strangers_are_let_in_as_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    let hash = bcrypt::hash("secret", 4).unwrap();
    let settings = format!(
        "[http-node-cors]\norigin = 'https://a.test'\ncredentials = true\n\
         [http-node-auth]\nuser = 'me'\npass = '{hash}'\n"
    );
    std::fs::write(&file, settings).unwrap();
    let args = ["--settings", file.to_str().unwrap()];
    let runtime = Runtime::start_with(tells("get", "/a", "req.path"), &args, &[]).await;
    let stranger = runtime.get("/a").await;
    assert_eq!(stranger.status, 401);
    assert!(stranger.header("www-authenticate").unwrap().starts_with("Basic realm="));
    let wrong = "Authorization: Basic bWU6d3Jvbmc=\r\n";
    assert_eq!(runtime.http("GET", "/a", wrong, "").await.status, 401);
    let right = "Origin: https://a.test\r\nAuthorization: Basic bWU6c2VjcmV0\r\n";
    for _ in 0..2 {
        let answer = runtime.http("GET", "/a", right, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "/a"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.test"));
    }
    let asks = "Origin: https://b.test\r\nAccess-Control-Request-Method: GET\r\n";
    let preflight = runtime.http("OPTIONS", "/a", asks, "").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), None);
    assert_eq!(
        preflight.header("access-control-allow-methods"),
        Some("GET,HEAD,PUT,PATCH,POST,DELETE")
    );
    // The API is not affected.
    assert_eq!(runtime.get("/settings").await.status, 200);
}

#[tokio::test]
async fn options_says_which_methods_flows_serve_at_a_path() {
    let runtime = Runtime::start(json!([
        tab("tab"),
        http_in("get", "get", "/m", &["out"]),
        http_in("post", "post", "/m", &["out"]),
        http_in("item", "delete", "/items/:id", &["out"]),
        http_response("out"),
    ]))
    .await;
    for (path, methods) in [("/m", "GET,HEAD,POST"), ("/items/7", "DELETE")] {
        let answer = runtime.http("OPTIONS", path, "", "").await;
        assert_eq!((answer.status, answer.header("allow")), (200, Some(methods)), "{path}");
        assert_eq!(answer.body.trim_end(), methods);
    }
    assert_eq!(runtime.http("OPTIONS", "/none", "", "").await.status, 404);
}

#[tokio::test]
async fn a_client_that_has_the_content_gets_304() {
    let mut nodes = tells("get", "/page", "req.path");
    nodes[3]["headers"] = json!({"X-A": "b"});
    let runtime = Runtime::start(nodes).await;
    let first = runtime.get("/page").await;
    // As of Express, so that caches in front of both agree.
    assert_eq!(first.header("etag"), Some("W/\"5-xzOitcCWh4K+4gtv6XbIU800gZg\""));
    let known = format!("If-None-Match: {}\r\n", first.header("etag").unwrap());
    let again = runtime.http("GET", "/page", &known, "").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!((again.header("x-a"), again.header("content-type")), (Some("b"), None));
    assert_eq!(again.header("etag"), first.header("etag"));
    let reload = format!("{known}Cache-Control: no-cache\r\n");
    assert_eq!(runtime.http("GET", "/page", &reload, "").await.status, 200);
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_answered_with_408_and_does_not_reach_the_flow() {
    let flow = json!([
        tab("tab"),
        http_in("in", "post", "/in", &["out"]),
        http_response("out"),
        node("catch", "catch", json!({"scope": null}), &["caught"]),
        debug("caught"),
    ]);
    let args = ["--transfer-timeout", "0.2"];
    let runtime = Runtime::start_with(flow, &args, &[]).await;
    let head = "POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n";
    let response = runtime.raw(&format!("{head}Connection: close\r\n\r\n12345")).await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    let (log, _) = runtime.terminate().await;
    assert!(!log.contains("caught"), "{log}");
}

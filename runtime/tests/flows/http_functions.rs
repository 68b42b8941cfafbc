//! Functions that use `msg.req` and `msg.res` as Express's, and what becomes of a request when a
//! function fails.

use serde_json::{Value, json};

use crate::http_nodes::{Answer, http_in, http_response};
use crate::support::{Runtime, node, set_payload, tab};

/// A request for each function: the path is its name.
fn served(functions: &[(&str, &str)]) -> Value {
    let mut nodes = vec![tab("tab"), http_response("out")];
    for (name, code) in functions {
        let path = format!("/{name}");
        nodes.push(http_in(&format!("in-{name}"), "get", &path, &[&format!("f-{name}")]));
        nodes.push(node(&format!("f-{name}"), "function", json!({"func": code}), &["out"]));
    }
    nodes.into()
}

#[tokio::test]
async fn a_function_asks_a_request_as_in_express() {
    let told = |expression: &str| format!("msg.payload = [{expression}]; return msg;");
    let functions = [
        ("get", "msg.req.get('host'), msg.req.header('X-Mine'), msg.req.get('none') ?? null"),
        ("referrer", "msg.req.get('Referrer'), msg.req.get('referer')"),
        ("param", "msg.req.param('a'), msg.req.param('none', 'default')"),
        (
            "accepts",
            "msg.req.accepts('html'), msg.req.accepts(['json', 'html']), msg.req.accepts('png'), \
             msg.req.accepts('text/plain', 'application/json'), msg.req.accepts()",
        ),
        ("language", "msg.req.acceptsLanguages('fr', 'en'), msg.req.acceptsLanguages('de')"),
        (
            "encoding",
            "msg.req.acceptsEncodings('gzip', 'br'), msg.req.acceptsEncodings('identity')",
        ),
        ("is", "msg.req.is('json')"),
        ("range", "msg.req.range(10)[0].end, msg.req.range(10).type"),
        (
            "parts",
            "msg.req._parsedUrl.pathname, msg.req._parsedUrl.search, msg.req.originalUrl, \
             msg.req.hostname, msg.req.protocol, msg.req.ip, msg.req.route.path, typeof msg.req.get",
        ),
        ("destructured", "((m) => { const {req} = m; return req.get('x-mine'); })(msg)"),
        ("cloned", "RED.util.cloneMessage(msg).req.get('x-mine')"),
    ];
    let codes: Vec<_> = functions.iter().map(|(name, it)| (*name, told(it))).collect();
    let codes: Vec<_> = codes.iter().map(|(name, it)| (*name, it.as_str())).collect();
    let runtime = Runtime::start(served(&codes)).await;
    let headers = "X-Mine: yes\r\nReferer: /before\r\nAccept: text/html, application/json;q=0.9, \
        text/*;q=0.5\r\nAccept-Language: en-GB, de;q=0.5\r\nAccept-Encoding: br, gzip;q=0.5\r\n\
        Range: bytes=0-99\r\n";
    for (path, expected) in [
        ("/get", json!(["localhost", "yes", null])),
        ("/referrer", json!(["/before", "/before"])),
        ("/param?a=1", json!(["1", "default"])),
        (
            "/accepts",
            json!([
                "html",
                "html",
                false,
                "application/json",
                ["text/html", "application/json", "text/*"]
            ]),
        ),
        ("/language", json!(["en", "de"])),
        ("/encoding", json!(["br", "identity"])),
        ("/is", json!([null])),
        ("/range", json!([9, "bytes"])),
        (
            "/parts?q=1",
            json!([
                "/parts",
                "?q=1",
                "/parts?q=1",
                "localhost",
                "http",
                "127.0.0.1",
                "/parts",
                "function"
            ]),
        ),
        ("/destructured", json!(["yes"])),
        ("/cloned", json!(["yes"])),
    ] {
        let answer = runtime.http("GET", path, headers, "").await;
        assert_eq!(answer.json(), expected, "{path}");
    }
}

fn told(answer: &Answer, headers: &[&str]) -> Value {
    let headers = headers.iter().map(|name| answer.header(name)).collect::<Vec<_>>();
    json!([answer.status, headers, answer.body])
}

/// What a function does with a response, and what the client gets: status, headers and body. The
/// path is the name, with what stands behind the question mark as its query.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str);

const RESPONSES: [Case; 21] = [
    (
        "send",
        "msg.res.status(201).set('X-A', 'b').send('text')",
        &["content-type", "x-a"],
        r#"[201, ["text/html; charset=utf-8", "b"], "text"]"#,
    ),
    ("raw", "msg.res._res.set({'X-A': 'b'}).send('text')", &["x-a"], r#"[200, ["b"], "text"]"#),
    (
        "buffer",
        "msg.res.send(Buffer.from('bytes'))",
        &["content-type"],
        r#"[200, ["application/octet-stream"], "bytes"]"#,
    ),
    (
        "object",
        "msg.res.send({a: 1})",
        &["content-type"],
        r#"[200, ["application/json; charset=utf-8"], "{\"a\":1}"]"#,
    ),
    (
        "json",
        "msg.res.type('text').json('x')",
        &["content-type"],
        r#"[200, ["text/plain; charset=utf-8"], "\"x\""]"#,
    ),
    (
        "number",
        "msg.res.send(404)",
        &["content-type"],
        r#"[404, ["text/plain; charset=utf-8"], "Not Found"]"#,
    ),
    (
        "sendStatus",
        "msg.res.sendStatus(403)",
        &["content-type"],
        r#"[403, ["text/plain; charset=utf-8"], "Forbidden"]"#,
    ),
    (
        "redirect",
        "msg.res.redirect('/ü?a=%20')",
        &["location"],
        r#"[302, ["/%C3%BC?a=%20"], "Found. Redirecting to /%C3%BC?a=%20"]"#,
    ),
    (
        "moved",
        "msg.res.redirect(301, 'https://a.example/')",
        &["location"],
        r#"[301, ["https://a.example/"], "Moved Permanently. Redirecting to https://a.example/"]"#,
    ),
    (
        "end",
        "msg.res.writeHead(202, {'Content-Type': 'image/png'}); msg.res.end('a,b')",
        &["content-type", "etag"],
        r#"[202, ["image/png", null], "a,b"]"#,
    ),
    ("empty", "msg.res.status(204).end()", &["content-type"], r#"[204, [null], ""]"#),
    (
        "append",
        "msg.res.append('X-A', 'b').append('X-A', 'c').vary('Accept').vary(['Origin', 'accept']).end()",
        &["x-a", "vary"],
        r#"[200, ["b", "Accept, Origin"], ""]"#,
    ),
    (
        "cookie",
        "msg.res.cookie('a', {b: 1}, {httpOnly: true}).clearCookie('c').send('x')",
        &["set-cookie"],
        r#"[200, ["a=j%3A%7B%22b%22%3A1%7D; Path=/; HttpOnly"], "x"]"#,
    ),
    (
        "attachment",
        "msg.res.attachment('/x/list.csv').send('a')",
        &["content-disposition", "content-type"],
        r#"[200, ["attachment; filename=\"list.csv\"", "text/csv; charset=utf-8"], "a"]"#,
    ),
    (
        "format",
        "msg.res.format({html: () => msg.res.send('page'), text: (req, res) => res.send(req.path)})",
        &["content-type", "vary"],
        r#"[200, ["text/plain; charset=utf-8", "Accept"], "/format"]"#,
    ),
    (
        "jsonp?callback=call",
        "msg.res.jsonp({a: 1})",
        &["content-type"],
        r#"[200, ["text/javascript; charset=utf-8"], "/**/ typeof call === 'function' && call({\"a\":1});"]"#,
    ),
    ("later", "setTimeout(() => msg.res.send('later'), 1)", &[], r#"[200, [], "later"]"#),
    ("awaited", "await null; msg.res.send('awaited')", &[], r#"[200, [], "awaited"]"#),
    ("kept", "flow.set('r', msg.res); flow.get('r').send('kept')", &[], r#"[200, [], "kept"]"#),
    (
        "state",
        "msg.res.status(202).set('X-A', 'b'); \
         msg.payload = [msg.res.statusCode, msg.res.get('x-a'), msg.res.headersSent]; return msg",
        &["x-a"],
        r#"[200, ["b"], "[202,\"b\",false]"]"#,
    ),
    (
        "both",
        "msg.res.send('first'); node.warn(msg.res.headersSent); return msg",
        &[],
        r#"[200, [], "first"]"#,
    ),
];

#[tokio::test]
async fn a_function_responds_as_in_express() {
    let name = |path: &'static str| path.split('?').next().unwrap();
    let functions = RESPONSES.map(|(path, code, ..)| (name(path), code));
    let mut runtime = Runtime::start(served(&functions)).await;
    for (path, _, names, expected) in RESPONSES {
        let headers = "Accept: text/plain\r\n";
        let answer = runtime.http("GET", &format!("/{path}"), headers, "").await;
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(told(&answer, names), expected, "{path}");
    }
    runtime.log_line("this request was already answered").await;
}

#[tokio::test]
async fn a_function_responds_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("page.html"), "<p>page</p>").unwrap();
    let codes = [
        ("file", format!("msg.res.set('X-A', 'b').sendFile('{root}/page.html')")),
        (
            "root",
            format!("msg.res.type('text').sendFile('page.html', {{root: '{root}', maxAge: 5000}})"),
        ),
        ("download", format!("msg.res.download('{root}/page.html', 'other.html')")),
        ("none", format!("msg.res.sendFile('{root}/none')")),
        ("relative", "msg.res.sendFile('page.html')".to_owned()),
        ("above", format!("msg.res.sendFile('../page.html', {{root: '{root}'}})")),
    ];
    let codes: Vec<_> = codes.iter().map(|(name, code)| (*name, code.as_str())).collect();
    let args = ["--http-error-timeout", "0.1"];
    let mut runtime = Runtime::start_with(served(&codes), &args, &[]).await;
    let html = "text/html; charset=UTF-8";
    let names = ["content-type", "x-a", "cache-control"];
    let answer = runtime.get("/file").await;
    assert_eq!(
        told(&answer, &names),
        json!([200, [html, "b", "public, max-age=0"], "<p>page</p>"])
    );
    let known = format!("If-None-Match: {}\r\n", answer.header("etag").unwrap());
    assert_eq!(runtime.http("GET", "/file", &known, "").await.status, 304);
    let part = runtime.http("GET", "/file", "Range: bytes=3-6\r\n", "").await;
    assert_eq!((part.status, part.body.as_str()), (206, "page"));
    let plain = "text/plain; charset=utf-8";
    let rooted = runtime.get("/root").await;
    assert_eq!(
        told(&rooted, &names),
        json!([200, [plain, null, "public, max-age=5"], "<p>page</p>"])
    );
    let download = runtime.get("/download").await;
    let name = "attachment; filename=\"other.html\"";
    assert_eq!(told(&download, &["content-disposition"]), json!([200, [name], "<p>page</p>"]));
    assert_eq!(runtime.get("/none").await.status, 404);
    runtime.log_line("there is no file `").await;
    assert_eq!(runtime.get("/relative").await.status, 500);
    runtime.log_line("path must be absolute or specify root to res.sendFile").await;
    assert_eq!(runtime.get("/above").await.status, 500);
}

#[tokio::test]
async fn a_request_that_a_function_fails_with_is_answered() {
    let mut nodes = served(&[
        ("throws", "throw new Error('on purpose')"),
        ("rejects", "await null; throw new Error('on purpose')"),
        ("hangs", "for (;;) {}"),
        ("says", "node.done(new Error('on purpose'))"),
        ("caught", "throw new Error('caught')"),
        ("never", "return msg"),
    ]);
    let wrong =
        node("wrong", "http response", json!({"statusCode": "", "headers": {"a b": "c"}}), &[]);
    let scope = json!({"scope": ["f-caught"], "uncaught": false});
    let starts = json!({"func": "return msg", "initialize": "throw new Error('at the start')"});
    let list = nodes.as_array_mut().unwrap();
    list.retain(|it| it["id"] != "f-never");
    list.extend([
        http_in("in-wrong", "get", "/wrong", &["wrong"]),
        wrong,
        node("f-never", "function", starts, &["out"]),
        node("catch", "catch", scope, &["text"]),
        set_payload("text", "answered behind the catch", "str", &["out"]),
    ]);
    let args = ["--http-error-timeout", "0.2", "--function-timeout", "0.2"];
    let mut runtime = Runtime::start_with(nodes, &args, &[]).await;
    for path in ["/throws", "/rejects", "/hangs", "/says", "/never", "/wrong"] {
        let answer = runtime.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (500, "the flow failed\n"), "{path}");
        runtime.log_line("a request is answered with 500").await;
    }
    let caught = runtime.get("/caught").await;
    assert_eq!((caught.status, caught.body.as_str()), (200, "answered behind the catch"));
}

#[test]
fn check_names_what_a_request_does_not_offer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flows.json");
    let code = "// msg.res.write('in a comment')\nconst it = {};\nmsg.req.on('close', f);\n\
        it.msg.res.write('x');\nmsg.res._res.write('data: 1');\nmsg.res.send('x');";
    std::fs::write(&file, served(&[("f", code)]).to_string()).unwrap();
    let output = crate::program("check").arg(&file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("property `func`: line 3: `msg.req.on()` is not available: "), "{text}");
    assert!(
        text.contains("property `func`: line 5: `msg.res.write()` is not available: "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[tokio::test]
async fn a_made_up_request_reaches_no_other_node() {
    let mut nodes = served(&[
        ("forge", "node.send([null, {res: {_res: '0@li', _msgid: '1'}}]); return msg"),
        ("reached", "msg.payload = flow.get('reached') ?? 'no'; return msg"),
    ]);
    let list = nodes.as_array_mut().unwrap();
    for forge in list.iter_mut().filter(|it| it["id"] == "f-forge") {
        forge["wires"] = json!([["out"], ["bad"]]);
    }
    let mark = json!({"func": "flow.set('reached', 'yes')"});
    list.extend([
        node("bad", "function", json!({"func": "msg.res._res.send('x'); throw 1"}), &[]),
        node("li", "link in", json!({"links": []}), &["mark"]),
        node("mark", "function", mark, &[]),
    ]);
    let mut runtime = Runtime::start(nodes).await;
    assert_eq!(runtime.get("/forge").await.status, 200);
    for _ in 0..2 {
        runtime.log_line("there is no node `answer:li`").await;
    }
    assert_eq!(runtime.get("/reached").await.body, "no");
}

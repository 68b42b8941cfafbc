//! Modules of Node.js without Node.js.

use std::time::Duration;

use ferrowire::Message;
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Harness, json};
use serde_json::Value;

/// An expression, and its value as JSON or its error, in each line: recorded from Node.js.
const RECORDED: &str = include_str!("modules.txt");

/// The modules in variables of their names.
fn libs() -> Value {
    let own = ["assert", "buffer", "crypto", "events", "os", "path", "querystring"];
    let more = ["string_decoder", "timers", "url", "util"];
    let mut libs: Vec<Value> =
        own.iter().chain(&more).map(|name| json!({"var": name, "module": name})).collect();
    libs.push(json!({"var": "utiltypes", "module": "node:util/types"}));
    libs.into()
}

async fn value_of(code: &str) -> Value {
    let config = json!({"func": code, "libs": libs()});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(Message::new()).await;
    let msg = node.next_output(0).await;
    node.stop().await;
    serde_json::from_str(&msg.payload().cloned().unwrap_or_default().to_json()).unwrap_or_default()
}

#[tokio::test]
async fn modules_do_what_those_of_node_js_do() {
    let run = "try { msg.payload = JSON.stringify((0, eval)(`(${msg.payload})`)) ?? 'undefined'; }
        catch (error) { msg.payload = `${error.name}: ${error.message} ${error.code ?? ''}`; }
        return msg;";
    let config = json!({"func": run, "libs": libs()});
    let mut node = Harness::of("function").config(config).start().await;
    let mut different = Vec::new();
    for line in RECORDED.lines() {
        let (source, expected) = line.rsplit_once(" => ").unwrap();
        node.send(Message::with_payload(source)).await;
        let found = node.next_output(0).await;
        let found = found.payload().and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        if found != expected {
            different.push(format!("{source}\n   found {found}\nexpected {expected}"));
        }
    }
    node.stop().await;
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[tokio::test]
async fn os_describes_the_machine() {
    let found = value_of(
        "const { lo } = os.networkInterfaces();
        msg.payload = [os.cpus().length, os.hostname(), os.totalmem() > os.freemem(), os.uptime() > 0,
            os.EOL, os.tmpdir(), lo[0].address, lo[0].family, lo[0].internal, lo[0].cidr, typeof os.userInfo().uid];
        return msg;",
    )
    .await;
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let cpus = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let tmp = std::env::temp_dir();
    let expected = json!([
        cpus,
        hostname.trim(),
        true,
        true,
        "\n",
        tmp.to_str().unwrap().trim_end_matches('/'),
        "127.0.0.1",
        "IPv4",
        true,
        "127.0.0.1/8",
        "number"
    ]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn callbacks_and_promises_come_later() {
    let found = value_of(
        "const order = [];
        const key = util.promisify(crypto.pbkdf2)('p', 's', 2, 8, 'sha256').then((key) => order.push(key.length));
        order.push('first');
        await key;
        const emitter = new events();
        setTimeout(() => emitter.emit('go', 1, 2), 1);
        order.push(await events.once(emitter, 'go'));
        await assert.rejects(async () => { throw new Error('x'); }, /x/);
        msg.payload = order;
        return msg;",
    )
    .await;
    assert_eq!(found, json!(["first", 8, [1, 2]]));
}

#[tokio::test]
async fn signatures_are_verified_and_forged_ones_are_not() {
    for (algorithm, digest) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, "sha256"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "sha384"),
        (&rcgen::PKCS_ED25519, ""),
    ] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let code = format!(
            "const [priv, pub] = [{:?}, {:?}];
            const digest = {digest:?} || null;
            const signature = crypto.sign(digest, 'a text', priv);
            msg.payload = [crypto.verify(digest, 'a text', pub, signature), crypto.verify(digest, 'another', pub, signature)];
            if (digest) msg.payload.push(crypto.createVerify(digest).update('a text').verify(pub,
                crypto.createSign(digest).update('a ').update('text').sign({{ key: priv }}, 'base64'), 'base64'));
            return msg;",
            key.serialize_pem(),
            key.public_key_pem(),
        );
        let expected =
            if digest.is_empty() { json!([true, false]) } else { json!([true, false, true]) };
        assert_eq!(value_of(&code).await, expected, "{digest}");
    }
}

#[tokio::test]
async fn an_invalid_key_is_an_error_that_says_so() {
    let code = "try { crypto.sign('sha256', 'x', 'no key'); } catch (error) { msg.payload = error.message; } return msg;";
    let found = value_of(code).await;
    assert!(found.as_str().is_some_and(|text| text.starts_with("invalid private key")), "{found}");
}

#[tokio::test(start_paused = true)]
async fn a_key_from_a_password_is_cut_off_at_the_limit_of_time() {
    let code = "msg.payload = crypto.pbkdf2Sync('p', 's', 2147483647, 64, 'sha512'); return msg;";
    let config = json!({"func": code, "libs": libs(), "timeout": 0.2});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(Message::new()).await;
    let error = tokio::time::timeout(Duration::from_secs(60), node.next_error()).await.unwrap();
    assert!(error.contains("Script execution timed out"), "{error}");
    node.stop().await;
}

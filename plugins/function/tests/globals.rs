//! The globals that Node-RED gives to a function, beside those that are tested with what they do.

mod support;

use ferrowire_plugin_function as _;
use ferrowire_testkit::json;
use serde_json::Value as Json;

/// The payload of the message that the code returns.
async fn value(code: &str) -> Json {
    support::value_of(code, "text").await
}

#[tokio::test(start_paused = true)]
async fn everything_that_node_red_puts_around_a_function_is_there() {
    let code = "const names = ['console', 'util', 'Buffer', 'URL', 'URLSearchParams', 'Date', 'RED', '__node__',
            'context', 'flow', 'global', 'env', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'promisify',
            'Promise', 'Proxy', 'Reflect', 'WeakRef', 'FinalizationRegistry', 'SharedArrayBuffer', 'Atomics', 'BigInt',
            'Float32Array', 'BigUint64Array', 'DataView', 'AggregateError', 'escape', 'unescape', 'globalThis'];
        return {payload: names.filter((name) => { try { return eval(`typeof ${name}`) === 'undefined' } catch { return true } })};";
    assert_eq!(value(code).await, json!([]));
    let code = "return {payload: [__node__.id === node.id, typeof __node__.linkcall, Object.keys(RED.util).sort().join()]}";
    let expected = "cloneMessage,compareObjects,encodeObject,ensureBuffer,ensureString,\
        evaluateJSONataExpression,evaluateNodeProperty,generateId,getMessageProperty,\
        getObjectProperty,getSetting,normaliseNodeTypeName,normalisePropertyExpression,\
        parseContextStore,prepareJSONataExpression,setMessageProperty,setObjectProperty";
    assert_eq!(value(code).await, json!([true, "function", expected]));
}

#[tokio::test(start_paused = true)]
async fn a_url_is_taken_apart_and_put_together() {
    let code = "const u = new URL('../b c?x=1&x=2#h', 'https://us%20er:pw@Example.com:443/a/d/e');
        const read = Object.fromEntries(['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname',
            'port', 'pathname', 'search', 'hash'].map((part) => [part, u[part]]));
        u.port = '8080'; u.pathname = '/ä'; u.protocol = 'ws'; u.hash = ''; u.username = ''; u.password = '';
        return {payload: [read, String(u), JSON.stringify({u})]};";
    let read = json!({"href": "https://us%20er:pw@example.com/a/b%20c?x=1&x=2#h",
        "origin": "https://example.com", "protocol": "https:", "username": "us%20er",
        "password": "pw", "host": "example.com", "hostname": "example.com", "port": "",
        "pathname": "/a/b%20c", "search": "?x=1&x=2", "hash": "#h"});
    let changed = "ws://example.com:8080/%C3%A4?x=1&x=2";
    let json = format!("{{\"u\":\"{changed}\"}}");
    assert_eq!(value(code).await, json!([read, changed, json]));
}

#[tokio::test(start_paused = true)]
async fn the_parameters_of_a_url_are_those_of_its_query() {
    let code = "const u = new URL('http://h/?a=1&b=2'), p = u.searchParams, seen = [];
        p.append('a', 'x y&'); p.set('b', 'é'); p.delete('no');
        seen.push(u.search, p.getAll('a'), p.get('none'), p.has('b'), p.size);
        p.delete('a', '1'); seen.push(u.href);
        u.search = '?c=%41+1'; seen.push(p.get('c'), p === u.searchParams);
        p.delete('c'); seen.push(u.href);
        u.href = 'http://h/?q=5'; seen.push([...p], u.searchParams.toString());
        return {payload: seen};";
    let expected = json!([
        "?a=1&b=%C3%A9&a=x+y%26",
        ["1", "x y&"],
        null,
        true,
        3,
        "http://h/?b=%C3%A9&a=x+y%26",
        "A 1",
        true,
        "http://h/",
        [["q", "5"]],
        "q=5"
    ]);
    assert_eq!(value(code).await, expected);
}

#[tokio::test(start_paused = true)]
async fn parameters_are_made_of_text_pairs_and_objects() {
    let code = "const P = URLSearchParams, of = (init) => new P(init).toString();
        const p = new P('?z=1&a=2&z=0'); p.sort();
        const each = []; p.forEach((value, name) => each.push(name + value));
        return {payload: [of({a: 1, b: 'x/y'}), of([['a', 1], ['a', 2]]), of(new Map([['k', 'v']])), of(new P('q=1')),
            of(), of('a=b=c&d'), String(p), each, [...p.keys()], [...p.values()], of('\\ud800')]};";
    let expected = json!([
        "a=1&b=x%2Fy",
        "a=1&a=2",
        "k=v",
        "q=1",
        "",
        "a=b%3Dc&d=",
        "a=2&z=1&z=0",
        ["a2", "z1", "z0"],
        ["a", "z", "z"],
        ["2", "1", "0"],
        "%EF%BF%BD="
    ]);
    assert_eq!(value(code).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_url_is_an_error_that_says_so() {
    let code = "const errors = [];
        for (const wrong of [() => new URL('x'), () => new URL('/a', 'b'), () => { new URL('http://h').href = '' },
            () => new URL(Symbol()), () => new URLSearchParams([['a']]), () => new URLSearchParams([1])]) {
            try { wrong(); errors.push('none') } catch (e) { errors.push([e.name, e.code ?? null, e.input ?? null]) }
        }
        const u = new URL('http://h:1/'); u.port = 'x'; u.host = ''; u.protocol = '1';
        return {payload: [errors, URL.canParse('a:b'), URL.canParse('b'), URL.parse('b'), URL.parse('b', 'http://h').href, u.href]};";
    let expected = json!([
        [
            ["TypeError", "ERR_INVALID_URL", "x"],
            ["TypeError", "ERR_INVALID_URL", "/a"],
            ["TypeError", "ERR_INVALID_URL", null],
            ["TypeError", null, null],
            ["TypeError", "ERR_INVALID_TUPLE", null],
            ["TypeError", "ERR_INVALID_TUPLE", null]
        ],
        true,
        false,
        null,
        "http://h/b",
        "http://h:1/"
    ]);
    assert_eq!(value(code).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_url_leaves_the_function_as_text() {
    let code =
        "const u = new URL('http://h/?a=1'), copy = RED.util.cloneMessage({u}).u; copy.hash = 'x';
        return {payload: {u, p: u.searchParams, copy}};";
    let expected = json!({"u": "http://h/?a=1", "p": "a=1", "copy": "http://h/?a=1#x"});
    assert_eq!(value(code).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_can_still_be_made_with_new() {
    let code = "return {payload: [new Buffer('héllo').toString('hex'), new Buffer('aGk=', 'base64').toString(),
        new Buffer(3).length, new Buffer([1, 2]).length, new Buffer(new Buffer('a')).toString()]}";
    assert_eq!(value(code).await, json!(["68c3a96c6c6f", "hi", 3, 2, "a"]));
}

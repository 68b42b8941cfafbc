//! Which code leaves something behind, and which cannot.

use super::leaves_something;

fn leaves(code: &str) -> bool {
    leaves_something([code, "", ""])
}

#[test]
fn code_over_messages_literals_and_contexts_leaves_nothing() {
    for code in [
        "",
        "return msg;",
        "msg.payload = msg.payload * 2; return msg;",
        "msg.payload.value = Number(msg.payload.text); return [msg, null];",
        "let a = 1; var b; const c = 'x'; a = a + 1; b = c; msg.payload = a + b; return msg;",
        "var a = 1, b = 2, c; a = b; c = a; msg.payload = c; return msg;",
        "const { a, b: c } = msg.payload; msg.payload = [a, c]; return msg;",
        "if (msg.a) { var x = 1; } x = 2; msg.payload = x; return msg;",
        "const out = []; for (let i = 0; i < msg.payload.length; i++) { out.push(msg.payload[i].v); out[i].n = i; } msg.payload = out; return msg;",
        "for (const item of msg.payload) { item.done = true; } return msg;",
        "const last = msg.payload[msg.payload.length - 1]; last.n = 1; return msg;",
        "const n = flow.get('n') || 0; flow.set('n', n + 1); context.global.set('x', 1); return msg;",
        "const counts = flow.get('c') || {}; counts[msg.topic] = (counts[msg.topic] || 0) + 1; flow.set('c', counts); return msg;",
        "const seen = context.get('s') || {}; if (seen[msg.topic]) return null; seen[msg.topic] = Date.now(); context.set('s', seen); return msg;",
        "delete msg.payload[msg.topic]; msg.payload[msg.topic] += 1; msg.payload[msg.topic]++; return msg;",
        "msg.payload = JSON.parse(msg.payload); msg.payload.at = new Date().toISOString(); return msg;",
        "msg.payload = Math.round(Math.PI * msg.payload) % Number.MAX_SAFE_INTEGER; return msg;",
        "msg.payload = msg.payload.split(',').map(Number); msg.payload.sort(); return msg;",
        "node.warn(`got ${msg.payload.list[0]} at ${msg.topic}`); msg.a.b = 1; node.status({ text: node.name }); return msg;",
        "setTimeout(() => { msg.payload.late = true; node.send(msg); }, 10);",
        "const f = (x) => x * 2; msg.payload = f(msg.payload); return msg;",
        "function twice(x) { return x * 2; } msg.payload = twice(msg.payload); return msg;",
        "try { msg.payload = JSON.parse(msg.payload); } catch (e) { node.error(e.message, msg); return; } return msg;",
        "const m = new Map(); m.set(1, 2); msg.payload = m.get(1) instanceof Map; return msg;",
        "msg.payload = Buffer.from('ab', 'hex'); return msg;",
        "switch (msg.topic) { case 'a': msg.payload = {}; break; default: msg.payload.b = 1; } return msg;",
        "msg.table = msg.list[msg.key]; msg.table2 = msg.table[msg.key]; return msg;",
    ] {
        assert!(!leaves(code), "{code}");
    }
}

#[test]
fn assigned_variables_of_the_global_object_are_left_behind() {
    for code in [
        "n = 1",
        "n += 1",
        "n++",
        "--n",
        "if (a) { let n; } n = 1",
        "for (let i = 0; i < 2; i++) {} i = 1",
        "for (n of [1]) {}",
        "for (n in msg) {}",
        "[n, m] = [1, 2]",
        "({ n } = msg)",
        "if (a) [n] = [1]",
        "if (a) { } [n] = [1]",
        "let a = 1\nb, n = 2",
        "let a = { n: 1 }; n = 2",
        "let { a = { n } } = msg; n = 2",
        "(() => { var n; })(); n = 1",
        "function f() { var n; } n = 1",
        "this.n = 1",
        "globalThis.n = 1",
        "eval('n = 1')",
        "new Function('n = 1')()",
        "arguments.callee.n = 1",
    ] {
        assert!(leaves(code), "{code}");
    }
    assert!(leaves_something(["return msg;", "n = 1", ""]));
    assert!(leaves_something(["return msg;", "", "n = 1"]));
}

#[test]
fn whatever_may_reach_objects_that_last_counts_as_leaving_something() {
    for code in [
        "Math.n = 1",
        "const m = Math; m.n = 1",
        "(Math).n = 1",
        "f(Math)",
        "[Math][0].n = 1",
        "Math['n'] = 1",
        "delete Math.max",
        "Array.prototype.n = 1",
        "[].constructor.n = 1",
        "''['constructor'].n = 1",
        "({}).__proto__.n = 1",
        "Object.getPrototypeOf([]).n = 1",
        "Object.defineProperty(JSON, 'n', { value: 1 })",
        "[].map.n = 1",
        "const { map } = []; map.n = 1",
        "const f = ''.trim; f.n = 1",
        "const f = []['map']; f.n = 1",
        "const o = msg.table[msg.key]; o.n = 1",
        "msg.table[msg.key].n = 1",
        "msg.table[msg.key][msg.other] = 1",
        "node.send.n = 1",
        "const n = node; n.send.x = 1",
        "flow.n = 1",
        "context.flow.n = 1",
        "const f = flow; f.get.n = 1",
        "__node__.n = 1",
        "console.count('n')",
        "console.group()",
        "console.log.n = 1",
        "RED.n = 1",
        "util.deprecate(() => {}, 'n')()",
        "Error.stackTraceLimit = 1",
        "Symbol.n = 1",
        "class A { static n = 1 } Date = A",
        "var x = { map(f) { f.n = 1; } }; x.map(Number)",
        "performance.now()",
        "new Proxy(console, {})",
        "super.x = 1",
        // Code that is not understood.
        "}); let n = 0; (function (msg, node) {",
        "m\\u0061 = 1",
        "<!-- n",
        "return msg }",
    ] {
        assert!(leaves(code), "{code}");
    }
}

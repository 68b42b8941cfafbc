//! Settings that are programs: with modules, files, promises, and those that fail or do not end.

use crate::support::Directory;

#[test]
fn mistakes_are_reported_with_their_place() {
    for (text, expected) in [
        ("module.exports = {\n  a: 1,\n  b: }", "settings.js:3"),
        (
            "module.exports = {\n  a: (() => { throw new Error('no a') })() }",
            "Error: no a (in `settings.js:2",
        ),
        ("module.exports = { a: missing.b }", "missing"),
        ("throw 'a text'", "a text"),
        ("module.exports = 5", "expected an object of settings"),
        ("module.exports = () => ({})", "expected an object of settings"),
        ("module.exports = { a: require('fs').readFileSync('nowhere') }", "ENOENT"),
        ("module.exports = require('./part')", "part.js:1"),
        ("process.exit(1)", "`process.exit` was called"),
    ] {
        let directory = Directory::new(&[("settings.js", text), ("part.js", "null.x")]);
        let error = directory.refused(&[]);
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.trim_end().ends_with("nothing is written"), "{error}");
    }
}

#[test]
fn the_nodes_are_reported_although_the_settings_fail() {
    let flows = r#"[{"id": "t", "type": "tab"}, {"id": "i", "type": "inject", "z": "t"}]"#;
    let directory =
        Directory::new(&[("settings.js", "throw new Error('no')"), ("flows.json", flows)]);
    let output = directory.run(&[]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(report.contains("native: 1 `inject`"), "{report}");
    assert!(report.ends_with("nothing was written\n"), "{report}");
}

#[test]
fn settings_that_do_not_end_are_cut_off() {
    for text in ["for (;;) {}", "module.exports = (async () => { for (;;) await 0 })()"] {
        let error = Directory::new(&[("settings.js", text)]).refused(&[]);
        assert!(error.contains("did not end within 5 seconds"), "{error}");
    }
    let waiting = "module.exports = new Promise(() => {})";
    let error = Directory::new(&[("settings.js", waiting)]).refused(&[]);
    assert!(error.contains("waits for something that does not happen"), "{error}");
}

#[test]
fn settings_that_take_too_much_memory_are_cut_off() {
    let text = "const all = []; for (;;) all.push('x'.repeat(1 << 20) + all.length)";
    let error = Directory::new(&[("settings.js", text)]).refused(&[]);
    assert!(error.contains("more than 64 MiB"), "{error}");
    let deep = "let a = {}; module.exports = a; for (let i = 0; i < 9; i++) a = a.b = { a: 1 }; a.b = module.exports";
    let (report, _) = Directory::new(&[("settings.js", deep)]).migrate();
    assert!(report.left("b").contains("no setting"));
    let wide = "let a = {}; for (let i = 0; i < 30; i++) a = { l: a, r: a }; module.exports = a";
    let error = Directory::new(&[("settings.js", wide)]).refused(&[]);
    // A busy machine does not get so far.
    let is_cut_off = ["more than 20,000 values", "did not end within 5 seconds"];
    assert!(is_cut_off.iter().any(|part| error.contains(part)), "{error}");
}

#[test]
fn very_large_settings_are_read() {
    let keys: String = (0..5_000).map(|n| format!("  // line {n}\n  key{n}: {n},\n")).collect();
    let text = format!("module.exports = {{\n{keys}  uiPort: 1890,\n}}\n");
    let (report, settings) = Directory::new(&[("settings.js", &text)]).migrate();
    assert_eq!(settings["port"].as_integer(), Some(1890));
    assert_eq!(report.line("uiPort"), 10_002);
    let error = Directory::new(&[("settings.js", &"/".repeat(9 << 20))]).refused(&[]);
    assert!(error.contains("EFBIG"), "{error}");
}

#[test]
fn a_byte_order_mark_windows_line_ends_and_a_first_line_for_the_shell_are_accepted() {
    for begin in ["\u{feff}", "#!/usr/bin/env node\r\n", ""] {
        let text =
            format!("{begin}'use strict';\r\nmodule.exports = {{\r\n  uiPort: 1885,\r\n}}\r\n");
        let (_, settings) = Directory::new(&[("settings.js", &text)]).migrate();
        assert_eq!(settings["port"].as_integer(), Some(1885), "{begin:?}");
    }
}

#[test]
fn settings_may_be_a_promise_and_wait() {
    let text = "module.exports = (async () => {
        await new Promise((done) => setTimeout(done, 3600000));
        const name = await require('fs/promises').readFile('name.txt', 'utf8');
        return { uiPort: 1886, httpNodeRoot: '/' + name.trim() };
    })()";
    let directory = Directory::new(&[("settings.js", text), ("name.txt", "api\n")]);
    let (_, settings) = directory.migrate();
    assert_eq!(settings["port"].as_integer(), Some(1886));
    assert_eq!(settings["http-node-root"].as_str(), Some("/api"));
}

#[test]
fn modules_of_node_js_and_files_of_the_directory_are_there() {
    let text = "
        const { join, resolve, basename, extname, dirname, relative } = require('node:path');
        const os = require('os'), fs = require('fs');
        const part = require('./lib/part'), data = require('./data.json');
        const ok = os.hostname().length > 0 && fs.existsSync('data.json') && !fs.existsSync('no')
            && basename('/a/b.js', '.js') === 'b' && extname('a.b.c') === '.c'
            && dirname('/a/b') === '/a' && relative('/a/b', '/a/c/d') === '../c/d'
            && resolve('/a', '../b') === '/b' && process.platform === 'linux'
            && Buffer.from('aGk=', 'base64').toString() === 'hi'
            && fs.readFileSync(join(__dirname, 'data.json')).toString().includes('1887');
        module.exports = { uiPort: ok ? data.port : 1, httpNodeRoot: join('/', part.root, '..', 'x') };";
    let directory = Directory::new(&[
        ("settings.js", text),
        ("lib/part.js", "exports.root = require('../data.json').root;"),
        ("data.json", r#"{"port": 1887, "root": "/r/s"}"#),
    ]);
    let (report, settings) = directory.migrate();
    assert_eq!(settings["port"].as_integer(), Some(1887));
    assert_eq!(settings["http-node-root"].as_str(), Some("/r/x"));
    assert_eq!(report.texts("notes"), Vec::<String>::new());
}

#[test]
fn what_is_not_evaluated_is_named_and_does_nothing() {
    let text = "
        require('dotenv').config({ path: '.env' });
        require('fs').writeFileSync('made.txt', 'x');
        require('child_process').execSync('touch made.txt');
        const port = new (require('ports')).Finder().next;
        module.exports = { uiPort: port, httpNodeRoot: `/${require('names').root}`,
            functionGlobalContext: { os: require('os'), moment: require('moment'), add: (a) => a, list: [1] } }";
    let directory = Directory::new(&[("settings.js", text)]);
    let (report, settings) = directory.migrate();
    assert!(!directory.path("made.txt").exists());
    let notes = report.texts("notes").join("\n");
    for part in [
        "`dotenv` is not",
        "`fs.writeFileSync` was called",
        "`child_process` is not",
        "`ports`",
        "`names`",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert!(report.left("uiPort").contains("what the module `ports` makes"));
    assert!(report.left("httpNodeRoot").contains("`names`"));
    assert!(report.left("functionGlobalContext.os").contains("Setup tab"));
    assert!(report.left("functionGlobalContext.moment").contains("`moment`"));
    assert!(report.left("functionGlobalContext.add").contains("function node"));
    assert_eq!(settings["function-global-context"].to_string(), "{ list = [1] }");
    assert!(!settings.contains_key("port"));
}

#[test]
fn settings_that_this_program_refuses_are_left_with_the_reason() {
    let directory = Directory::exporting(
        "uiPort: 70000, httpStatic: '/no/such/folder', httpNodeRoot: false, apiMaxLength: '5mb',
         httpNodeCors: { origin: /example/ }, logging: { console: { level: 'fatal' }, own: { level: 'info' } },
         editorTheme: { page: { title: 'Mine' } }, unheardOf: { a: 1 }, ui: { path: 'd' }, httpRequestTimeout: 60000,
         contextStorage: { default: 'a', a: { module: 'memory' }, b: { module: 'redis' } }",
    );
    let (report, settings) = directory.migrate();
    assert!(report.left("uiPort").contains("from 0 to 65535"), "{}", report.left("uiPort"));
    assert!(report.left("httpStatic").contains("a directory that exists"));
    assert!(report.left("httpNodeRoot").contains("begins with `/`"));
    assert!(report.left("httpNodeCors").contains("a regular expression"));
    assert!(report.left("logging.own").contains("other targets"));
    assert!(report.left("editorTheme.page").contains("the look of the editor"));
    assert!(report.left("unheardOf").contains("no setting"));
    assert!(report.left("contextStorage.b").contains("unknown module `redis`"));
    assert_eq!(settings["log"].as_str(), Some("error"));
    assert_eq!(settings["http-request-timeout"].as_float(), Some(60.0));
    assert_eq!(settings["context-storage"]["a"]["module"].as_str(), Some("memory"));
    assert_eq!(report.line("unheardOf"), 4);
    assert_eq!(report.fate("ui").0, "needless");
}

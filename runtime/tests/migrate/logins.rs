//! Logins, TLS and addresses: nothing that was protected becomes open.

use crate::support::{Directory, hash};

#[test]
fn users_with_hashes_and_permissions_are_taken_over() {
    let hash = hash();
    let directory = Directory::exporting(&format!(
        "adminAuth: {{ type: 'credentials', sessionExpiryTime: 3600, default: {{ permissions: 'read' }},
           users: [{{ username: 'admin', password: '{hash}', permissions: '*' }},
                   {{ username: 'guest', password: '{hash}', permissions: ['flows.read', 'library.read'] }}] }},
         httpNodeAuth: {{ user: 'me', pass: '{hash}' }}, uiHost: '::'"
    ));
    let (report, settings) = directory.migrate();
    assert!(report.is_complete(), "{:#}", report.0);
    assert!(!report.0.to_string().contains(&hash));
    let auth = &settings["admin-auth"];
    assert_eq!(auth["users"][1]["permissions"][1].as_str(), Some("library.read"));
    assert_eq!(auth["users"][0]["password"].as_str(), Some(hash.as_str()));
    assert_eq!(auth["session-expiry"].as_integer(), Some(3600));
    assert_eq!(auth["default-permissions"].as_str(), Some("read"));
    assert_eq!(settings["http-node-auth"]["pass"].as_str(), Some(hash.as_str()));
    assert_eq!(settings["listen"].as_str(), Some("::"), "it has a login");
}

#[test]
fn an_editor_whose_login_is_a_function_is_off() {
    for login in [
        "{ type: 'credentials', users: (name) => null, authenticate: async () => null }",
        "{ type: 'strategy', strategy: { name: 'x' } }",
        "require('node-red-auth-x')({})",
        "() => ({})",
        "{ type: 'credentials', users: [{ username: 'a', password: 'plain', permissions: '*' }] }",
    ] {
        let directory = Directory::exporting(&format!("adminAuth: {login}, httpAdminRoot: '/red'"));
        let (report, settings) = directory.migrate();
        assert_eq!(settings["http-admin-root"].as_str(), Some("off"), "{login}");
        assert!(!settings.contains_key("admin-auth"), "{login}");
        assert!(!report.is_complete(), "{login}");
        assert!(!report.0.to_string().contains("plain"), "{login}");
        assert_eq!(report.line("adminAuth"), 2);
    }
}

#[test]
fn users_that_are_invalid_are_left_and_the_others_taken() {
    let hash = hash();
    let directory = Directory::exporting(&format!(
        "adminAuth: {{ users: [{{ username: 'a', password: '{hash}', permissions: 'reed' }},
           {{ username: 'b', password: '{hash}', permissions: 'read' }}], tokens: () => null }}"
    ));
    let (report, settings) = directory.migrate();
    assert!(report.left("adminAuth.users[0]").contains("`reed`"));
    assert!(report.left("adminAuth.tokens").contains("a function"));
    assert_eq!(settings["admin-auth"]["users"].as_array().unwrap().len(), 1);
}

#[test]
fn the_files_of_a_certificate_are_found_by_what_was_read() {
    for https in [
        "{ key: fs.readFileSync('tls/key.pem'), cert: fs.readFileSync(dir + '/tls/cert.pem', 'utf8') }",
        "() => ({ key: fs.readFileSync('tls/key.pem'), cert: fs.readFileSync('tls/cert.pem') })",
        "async () => ({ key: fs.readFileSync('tls/key.pem'), cert: await fs.promises.readFile('tls/cert.pem') })",
    ] {
        let text = format!(
            "const fs = require('fs'), dir = __dirname; module.exports = {{ https: {https}, uiHost: 'localhost' }}"
        );
        let directory = Directory::new(&[
            ("settings.js", &text),
            ("tls/key.pem", "a key"),
            ("tls/cert.pem", "a certificate"),
        ]);
        let (report, settings) = directory.migrate();
        assert!(report.is_complete(), "{:#}", report.0);
        assert_eq!(settings["tls-key"].as_str(), directory.path("tls/key.pem").to_str());
        assert_eq!(settings["tls-cert"].as_str(), directory.path("tls/cert.pem").to_str());
    }
}

#[test]
fn certificates_of_clients_are_taken_over() {
    let text = "const read = require('fs').readFileSync; module.exports = { uiHost: 'localhost', https: {
        key: read('key'), cert: read('cert'), ca: [read('ca')], requestCert: true, passphrase: 'of the key' } }";
    let files = [("settings.js", text), ("key", "k"), ("cert", "c"), ("ca", "a")];
    let directory = Directory::new(&files);
    let (report, settings) = directory.migrate();
    assert!(report.is_complete(), "{:#}", report.0);
    assert_eq!(settings["tls-client-ca"].as_str(), directory.path("ca").to_str());
    assert_eq!(settings["tls-client-cert"].as_str(), Some("required"));
    assert_eq!(settings["tls-passphrase"].as_str(), Some("of the key"));
    assert!(!report.0.to_string().contains("of the key"));
}

#[test]
fn without_what_protects_it_only_this_machine_reaches_the_port() {
    let hash = hash();
    let admin = format!(
        "uiHost: '0.0.0.0', adminAuth: {{ users: [{{ username: 'a', password: '{hash}', permissions: '*' }}] }}"
    );
    for (key, value) in [
        ("https", "{ key: 'inline', cert: 'inline' }"),
        ("httpNodeAuth", "{ user: 'me', pass: 'plain' }"),
        ("httpNodeMiddleware", "(req, res, next) => next()"),
        ("webSocketNodeVerifyClient", "() => true"),
    ] {
        let directory = Directory::exporting(&format!("{admin}, {key}: {value}"));
        let (report, settings) = directory.migrate();
        assert!(!settings.contains_key("listen"), "{key}");
        let reason = report.left("uiHost");
        assert!(reason.contains(&format!("(`{key}`)")), "{reason}");
    }
    let (report, settings) = Directory::exporting(&admin).migrate();
    assert!(report.is_complete());
    assert_eq!(settings["listen"].as_str(), Some("0.0.0.0"));
}

#[test]
fn static_files_with_a_login_of_their_own_are_not_served() {
    let directory = Directory::exporting(
        "httpStatic: 'public', httpStaticAuth: { user: 'a', pass: 'b' }, uiHost: '127.0.0.1'",
    );
    directory.add("public/index.html", "");
    let (report, settings) = directory.migrate();
    assert!(report.left("httpStatic").contains("no login"));
    assert!(!settings.contains_key("http-static"));
}

#[test]
fn of_several_static_folders_the_first_is_served_below_its_root() {
    let directory = Directory::exporting(
        "httpStatic: [{ path: 'public', root: '/files/' }, { path: 'other' }], httpStaticRoot: '/s', uiHost: '127.0.0.1'",
    );
    directory.add("public/a.txt", "");
    directory.add("other/a.txt", "");
    let (report, settings) = directory.migrate();
    assert_eq!(settings["http-static"].as_str(), directory.path("public").to_str());
    assert_eq!(settings["http-static-root"].as_str(), Some("/s/files/"));
    assert!(report.left("httpStatic[1]").contains("one folder"));
}

#[test]
fn roots_and_the_editor_are_taken_over() {
    for (keys, admin, node) in [
        ("httpRoot: '/all'", "/all", "/all"),
        ("httpRoot: '/all', httpNodeRoot: '/api'", "/all", "/api"),
        ("httpAdminRoot: false, httpNodeRoot: '/api'", "off", "/api"),
        ("httpAdminRoot: '/red', httpNodeRoot: '/api', disableEditor: true", "/red", "/api"),
    ] {
        let (_, settings) = Directory::exporting(keys).migrate();
        assert_eq!(settings["http-admin-root"].as_str(), Some(admin), "{keys}");
        assert_eq!(settings["http-node-root"].as_str(), Some(node), "{keys}");
        assert_eq!(settings.contains_key("no-editor"), keys.contains("disableEditor"), "{keys}");
    }
}

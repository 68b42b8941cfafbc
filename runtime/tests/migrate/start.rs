//! A directory of Node-RED is migrated, and the program starts with what was written.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Directory, hash};

/// Longer than any step of the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// A runtime with the file that was written; ended when dropped.
struct Runtime {
    child: Child,
    address: String,
}

impl Runtime {
    /// Starts it in a folder that is not the user directory.
    fn start(directory: &Directory) -> Self {
        let elsewhere = std::env::temp_dir();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
        command.arg("run").arg("--settings").arg(directory.path("ferrowire.toml"));
        let mut child = command.current_dir(elsewhere).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut before = String::new();
        let found = lines.find_map(|line| {
            let address = line.split_once("listening on http://").map(|(_, rest)| rest.to_owned());
            before.push_str(&line);
            address
        });
        let address = found.unwrap_or_else(|| unreachable!("{before}"));
        let address = address.split(',').next().unwrap().to_owned();
        // Further lines must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Runtime { child, address }
    }

    /// Status and body of a response.
    fn ask(&self, method: &str, path: &str, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (address, length) = (&self.address, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{head}\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn get(&self, path: &str, head: &str) -> (u16, String) {
        self.ask("GET", path, head, "")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The credentials of the broker, encrypted with the secret of the settings.
const ENCRYPTED: &str = "000102030405060708090a0b0c0d0e0fztf2pjev5SLF2I2tKWzrWKTjl40AEE4MlJgw+Kh0uwxXWLW+hVnsf+WVazmF7ow7mXVHMkgNLqU+Uyw=";

fn directory() -> Directory {
    let hash = hash();
    let settings = format!(
        "const path = require('path');
         module.exports = {{
             flowFile: 'shop.json', credentialSecret: process.env.SHOP_SECRET,
             uiHost: '127.0.0.1', uiPort: 0, httpAdminRoot: '/red', httpNodeRoot: '/api',
             httpStatic: [{{ path: path.join(__dirname, 'public'), root: '/files/' }}],
             adminAuth: {{ type: 'credentials', users: [
                 {{ username: 'admin', password: '{hash}', permissions: ['*'] }}] }},
             contextStorage: {{ default: {{ module: 'localfilesystem' }} }},
             logging: {{ console: {{ level: 'info' }} }},
         }}"
    );
    let flows = json!([
        {"id": "t", "type": "tab", "label": "Shop"},
        {"id": "in", "type": "http in", "z": "t", "url": "/hello", "method": "get", "wires": [["c"]]},
        {"id": "c", "type": "change", "z": "t", "wires": [["r"]],
         "rules": [{"t": "set", "p": "payload", "pt": "msg", "to": "from the flow", "tot": "str"}]},
        {"id": "r", "type": "http response", "z": "t", "wires": []},
        {"id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": "1"},
    ]);
    Directory::new(&[
        ("settings.js", &settings),
        ("shop.json", &flows.to_string()),
        ("shop_cred.json", &json!({"$": ENCRYPTED}).to_string()),
        ("public/page.txt", "static text"),
    ])
}

#[test]
fn a_migrated_directory_has_its_login_credentials_roots_and_static_files() {
    let directory = directory();
    let (report, settings) = directory.migrate_with(&[("SHOP_SECRET", "a-secret-of-the-settings")]);
    assert!(report.is_complete(), "{:#}", report.0);
    assert_eq!(settings["credential-secret"].as_str(), Some("a-secret-of-the-settings"));
    let runtime = Runtime::start(&directory);
    assert_eq!(runtime.get("/api/hello", ""), (200, "from the flow".to_owned()));
    assert_eq!(runtime.get("/files/page.txt", ""), (200, "static text".to_owned()));
    assert_eq!(runtime.get("/red/flows", "").0, 401);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let login = |password: &str| {
        let body = format!(
            "client_id=node-red-editor&grant_type=password&scope=&username=admin&password={password}"
        );
        runtime.ask("POST", "/red/auth/token", form, &body)
    };
    assert_eq!(login("wrong").0, 403);
    let (status, token) = login("secret");
    assert_eq!(status, 200, "{token}");
    let token: Value = serde_json::from_str(&token).unwrap();
    let head = format!("Authorization: Bearer {}\r\n", token["access_token"].as_str().unwrap());
    let (status, credentials) = runtime.get("/red/credentials/mqtt-broker/broker", &head);
    let credentials: Value = serde_json::from_str(&credentials).unwrap();
    assert_eq!((status, &credentials["user"]), (200, &json!("sensor")));
    assert!(directory.path("context").is_dir(), "the store is in the user directory");
}

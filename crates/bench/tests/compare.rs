//! The complete program: compares servers, and detects a server with wrong answers.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests themselves")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ferrowire-bench")).args(arguments).output().unwrap()
}

#[test]
fn a_quick_comparison_writes_every_number_and_a_chart() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quick");
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let [out_text, flows] = [&out, &flows].map(|path| path.to_str().unwrap());
    let places = ["--flows", flows, "--out", out_text];
    let run = ["run", "echo", "fanout", "--quick", "--rounds", "1", "--seconds", "0.05"];
    let output = bench(&[&run[..], &places].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (workload, cases) in [("echo", 3), ("fanout", 2)] {
        let text = std::fs::read_to_string(out.join(format!("{workload}.json"))).unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let found = report["cases"].as_array().unwrap();
        assert_eq!(found.len(), cases);
        for server in found.iter().flat_map(|case| case["servers"].as_array().unwrap()) {
            let numbers = &server["rounds"][0];
            assert!(numbers["per_cpu_second"].as_f64().unwrap() > 0.0, "{numbers}");
            assert!(numbers["p50"].as_f64() <= numbers["p999"].as_f64(), "{numbers}");
        }
        let chart = std::fs::read_to_string(out.join(format!("{workload}.svg"))).unwrap();
        assert_eq!(chart.matches("<rect ").count(), 2 * cases);
    }
}

#[test]
fn one_changed_byte_fails_the_measurement() {
    let problem = load_against(|echoed| echoed[20] ^= 1);
    assert!(problem.contains("message `0` of a connection is not what was sent"), "{problem}");
}

#[test]
fn a_server_that_hangs_up_fails_the_measurement() {
    let problem = load_against(Vec::clear);
    assert!(problem.contains("the server closed a connection"), "{problem}");
}

/// Runs a load on an echo server whose first answer is modified; returns the error.
fn load_against(spoil: impl Fn(&mut Vec<u8>) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    let server = thread::spawn(move || answer_once(listener.accept().unwrap().0, spoil));
    let (addr, pid) = (addr.to_string(), std::process::id().to_string());
    let output = bench(&["load", "--addr", &addr, "--pid", &pid, "echo", "--connections", "1"]);
    server.join().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn answer_once(mut stream: TcpStream, spoil: impl Fn(&mut Vec<u8>)) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
    write!(stream, "{head}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").unwrap();
    let mut frame = [0; 2 + 4 + 32];
    stream.read_exact(&mut frame).unwrap();
    let (head, payload) = frame.split_at(6);
    let mut echoed = vec![0x81, 32];
    echoed.extend(payload.iter().zip(head[2..].iter().cycle()).map(|(byte, mask)| byte ^ mask));
    spoil(&mut echoed);
    stream.write_all(&echoed).unwrap();
}

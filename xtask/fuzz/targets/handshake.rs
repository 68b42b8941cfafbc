//! Opening handshakes of WebSocket clients: what is accepted has what RFC 6455 requires, and the answer
//! has tungstenite's key and no other lines than ours.
//!
//! The first line of the input is the method and the version, the second one our subprotocols, and
//! the others are headers.
#![no_main]

use ferrowire_fuzz::headers;
use ferrowire_websocket::accept;
use http::{Method, Request, Version, header};
use libfuzzer_sys::fuzz_target;
use tungstenite::handshake::derive_accept_key;

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut request = Request::new(());
    let first = lines.next().unwrap_or_default();
    let (method, version) = first.split_at(first.iter().position(|b| *b == b' ').unwrap_or(0));
    *request.method_mut() = Method::from_bytes(method).unwrap_or_default();
    *request.version_mut() = if version == b" 1.0" { Version::HTTP_10 } else { Version::HTTP_11 };
    let ours = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let ours: Vec<String> =
        ours.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    *request.headers_mut() = headers(lines);

    let (head, ()) = request.into_parts();
    let Ok(answer) = accept(&head, &ours) else { return };
    assert_eq!((&head.method, head.version), (&Method::GET, Version::HTTP_11));
    assert_eq!(head.headers[header::SEC_WEBSOCKET_VERSION], "13");
    for name in [header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION] {
        assert_eq!(head.headers.get_all(&name).iter().count(), 1, "{name}");
    }
    let key = derive_accept_key(head.headers[header::SEC_WEBSOCKET_KEY].as_bytes());
    let answer = std::str::from_utf8(&answer).expect("the answer is text");
    let (lines, rest) = answer.split_once("\r\n\r\n").expect("the head ends");
    assert_eq!(rest, "");
    let mut found = lines.split("\r\n");
    assert_eq!(found.next(), Some("HTTP/1.1 101 Switching Protocols"));
    assert_eq!(found.next(), Some("Upgrade: websocket"));
    assert_eq!(found.next(), Some("Connection: Upgrade"));
    assert_eq!(found.next(), Some(format!("Sec-WebSocket-Accept: {key}").as_str()));
    if let Some(line) = found.next() {
        let name = line.strip_prefix("Sec-WebSocket-Protocol: ").expect("no other line");
        let offers = head.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let mut offers = offers.iter().filter_map(|offer| offer.to_str().ok());
        assert!(offers.any(|offer| offer.split(',').any(|one| one.trim() == name)), "{name}");
        assert!(ours.is_empty() || ours.iter().any(|one| one == name), "{name}");
    }
    assert_eq!(found.next(), None);
});

//! `X-Forwarded-For` and `Forwarded`: only what a trusted proxy says counts.
//!
//! The first line of the input is the list of trusted proxies, the second one the peer, and the
//! others are headers.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use ferrowire_fuzz::headers;
use ferrowire_http::TrustedProxies;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let list = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let list: Vec<String> = list.split(',').map(|one| one.trim().to_owned()).collect();
    let Ok(trusted) = TrustedProxies::parse(&list) else { return };
    let peer = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let Ok(peer) = peer.parse::<IpAddr>() else { return };
    let peer = SocketAddr::new(peer, 5);
    let headers = headers(lines);

    let client = trusted.client(peer, &headers);
    let trusts = |address: SocketAddr| {
        // Another address as the peer's is only replaced if the peer is trusted.
        let probe = HeaderMap::from_iter([(name(), HeaderValue::from_static("192.0.2.99"))]);
        trusted.client(address, &probe) != address
    };
    if !trusts(peer) {
        assert_eq!(client, peer, "the peer is no proxy");
    }
    // What a client puts in front of a header is believed only if all behind it are proxies.
    if client != peer && !trusts(client) && headers.contains_key(name()) {
        let mut spoofed = HeaderMap::new();
        spoofed.append(name(), HeaderValue::from_static("203.0.113.7, 198.51.100.1"));
        for value in headers.get_all(name()) {
            spoofed.append(name(), value.clone());
        }
        for value in headers.get_all("forwarded") {
            spoofed.append("forwarded", value.clone());
        }
        assert_eq!(trusted.client(peer, &spoofed), client);
    }
});

fn name() -> HeaderName {
    HeaderName::from_static("x-forwarded-for")
}

//! URLs of `websocket-client`, in both forms: the node reports a URL that it cannot use.
#![no_main]

use ferrowire_fuzz::build;
use ferrowire_plugin_websocket_endpoints as _;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let problems = build("websocket-client", &[("path", text.into())]);
    let scheme = text.trim_start_matches(|c: char| c <= ' ').split(':').next().unwrap_or_default();
    let scheme: String = scheme.chars().filter(|c| !"\t\r\n".contains(*c)).collect();
    let is_websocket = ["ws", "wss"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
    assert!(is_websocket || !problems.is_empty(), "`{text}` was accepted");
});

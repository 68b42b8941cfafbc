//! Bodies of requests at `http in`: JSON, forms, uploads, compressed or not, by their type.
//!
//! The input is headers, an empty line, and the body.
#![no_main]

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use bytes::Bytes;
use ferrowire_core::Value;
use ferrowire_fuzz::{block_on, headers};
use ferrowire_plugin_http as _;
use ferrowire_testkit::{Harness, TestPort, json};
use http::{Method, Request, StatusCode};
use libfuzzer_sys::fuzz_target;

thread_local! {
    /// Never dropped: a harness that is not stopped fails its test.
    static NODE: RefCell<ManuallyDrop<(Harness, TestPort)>> = RefCell::new(block_on(async {
        let port = TestPort::new();
        let config = json!({"url": "/", "method": "post", "upload": true});
        let node = Harness::of("http in").config(config).port(port.clone());
        ManuallyDrop::new((node.start().await, port))
    }));
}

fuzz_target!(|data: &[u8]| {
    let end = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let body = Bytes::copy_from_slice(data.get(end + 2..).unwrap_or_default());
    let mut request = Request::new(body.clone());
    *request.method_mut() = Method::POST;
    *request.headers_mut() = headers(data[..end].split(|byte| *byte == b'\n'));
    let head = request.headers().clone();
    NODE.with_borrow_mut(|both| {
        let (node, port) = &mut **both;
        // Nobody answers: the clock is paused, so that the request ends at once.
        let answer = block_on(port.request(request));
        let mut messages = node.outputs(0);
        let Some(msg) = messages.pop() else {
            assert!(answer.status().is_client_error(), "{}", answer.status());
            return;
        };
        assert!(messages.is_empty() && answer.status() == StatusCode::GATEWAY_TIMEOUT);
        let is = |name: &str, value: &str| head.get(name).is_some_and(|it| it == value);
        let has_length = head.contains_key("content-length");
        if is("content-type", "application/json") && has_length && head.len() == 2 {
            let expected = match body.trim_ascii() {
                b"" => Value::from(ferrowire_core::Map::new()),
                text => Value::from_json(text).expect("what was accepted is JSON"),
            };
            assert_eq!(msg.payload(), Some(&expected));
        }
    });
});

//! Answers `OPTIONS` requests with the methods that flows serve at a path (RFC 9110 §9.3.7).

use std::sync::{Arc, Mutex, Weak};

use ferrowire_core::MutexExt as _;

use ferrowire_core::port::Answer;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, StatusCode};

use crate::{Response, text};

/// The methods that are looked for.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The handlers of flows, in the order in which they were added. The routes own them: a removed
/// route is removed here as well.
#[derive(Clone, Default)]
pub(super) struct Served(Arc<Mutex<Vec<Weak<dyn Answer>>>>);

impl Served {
    pub(super) fn add(&self, answer: &Arc<dyn Answer>) {
        let mut answers = self.0.locked();
        answers.retain(|known| known.strong_count() > 0);
        answers.push(Arc::downgrade(answer));
    }

    /// The methods at `path`, such as `GET,HEAD,POST`; `None` if nothing is served there.
    pub(super) fn methods(&self, path: &str) -> Option<String> {
        let answers = self.0.locked().clone();
        let mut found: Vec<&str> = Vec::new();
        for answer in answers.iter().filter_map(Weak::upgrade) {
            for method in METHODS.iter().filter(|method| answer.answers(method, path)) {
                if !found.contains(&method.as_str()) {
                    found.push(method.as_str());
                }
            }
        }
        (!found.is_empty()).then(|| found.join(","))
    }
}

pub(super) fn response(methods: &str) -> Response {
    let mut response = text(StatusCode::OK, methods);
    if let Ok(methods) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

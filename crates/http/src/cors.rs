//! `Cors`: which origins may access the paths of flows (Fetch, "CORS protocol").

use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};

use crate::{Response, empty};

/// The allowed origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// All.
    Any,
    /// Only these, such as `https://example.org`.
    These(Vec<String>),
}

/// Node-RED's `httpNodeCors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The allowed origins.
    pub origins: Origins,
    /// The allowed methods.
    pub methods: HeaderValue,
    /// The allowed request headers; `None` allows those that the preflight request names.
    pub allowed_headers: Option<HeaderValue>,
    /// The response headers that scripts may read.
    pub exposed_headers: Option<HeaderValue>,
    /// Whether cookies and credentials may be sent.
    pub credentials: bool,
    /// How many seconds a browser may cache a preflight response.
    pub max_age: Option<u32>,
}

impl Default for Cors {
    fn default() -> Self {
        Cors {
            origins: Origins::Any,
            methods: HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE"),
            allowed_headers: None,
            exposed_headers: None,
            credentials: false,
            max_age: None,
        }
    }
}

impl Cors {
    /// The response to a preflight request.
    pub fn preflight(&self, request: &HeaderMap) -> Response {
        let mut response = empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        self.let_in(request, headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        match &self.allowed_headers {
            Some(allowed) => {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed.clone());
            }
            None => {
                headers.append(VARY, name(&ACCESS_CONTROL_REQUEST_HEADERS));
                if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
                }
            }
        }
        if let Some(seconds) = self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, seconds.into());
        }
        response
    }

    /// Adds the CORS headers that browsers require to a response.
    pub fn mark(&self, request: &HeaderMap, response: &mut HeaderMap) {
        self.let_in(request, response);
        if let Some(exposed) = &self.exposed_headers {
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }

    fn let_in(&self, request: &HeaderMap, response: &mut HeaderMap) {
        match &self.origins {
            Origins::Any => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Origins::These(origins) => {
                response.append(VARY, name(&ORIGIN));
                let origin = request.get(ORIGIN);
                let is_known = |it: &&HeaderValue| origins.iter().any(|known| *it == known);
                if let Some(origin) = origin.filter(is_known) {
                    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                }
            }
        }
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
    }
}

fn name(header: &HeaderName) -> HeaderValue {
    HeaderValue::from_str(header.as_str()).unwrap_or_else(|_| HeaderValue::from_static("*"))
}

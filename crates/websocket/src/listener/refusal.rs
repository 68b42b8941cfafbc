//! `Refusal`: why a handshake is refused, as the client, the log and the metrics see it.

use std::borrow::Cow;
use std::time::Duration;

use ferrowire_core::metric::Counter;
use ferrowire_core::port::{Response, text};
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::metrics::refused;

/// A kind of refusal. Each has its own status and counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The listener or the runtime has too many connections.
    Connections,
    /// The address has too many connections.
    Address,
    /// Too many handshakes in this second.
    Rate,
    /// The web page may not connect.
    Origin,
    /// Without a token or login, or with a wrong one.
    Unauthorized,
    /// The address has failed too often.
    Throttled,
    /// What the decision needs is missing: the keys of tokens, or a node.
    Unavailable,
    /// Too many handshakes wait for the flow.
    Waiting,
    /// The flow did not answer in time.
    Timeout,
    /// The flow refused it.
    Flow,
}

impl Kind {
    fn status(self) -> StatusCode {
        match self {
            Kind::Origin | Kind::Flow => StatusCode::FORBIDDEN,
            Kind::Unauthorized => StatusCode::UNAUTHORIZED,
            Kind::Address | Kind::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Kind::Connections | Kind::Rate | Kind::Unavailable | Kind::Waiting => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// When a client may try again, for those that say it.
    fn retry_after(self) -> Option<Duration> {
        match self {
            Kind::Rate | Kind::Waiting => Some(Duration::from_secs(1)),
            Kind::Connections | Kind::Address => Some(Duration::from_secs(5)),
            Kind::Throttled | Kind::Unavailable => Some(Duration::from_secs(10)),
            Kind::Origin | Kind::Unauthorized | Kind::Timeout | Kind::Flow => None,
        }
    }

    /// Its counter.
    pub(crate) fn counter(self) -> &'static Counter {
        match self {
            Kind::Connections => &refused::CONNECTIONS,
            Kind::Address => &refused::ADDRESS,
            Kind::Rate => &refused::RATE,
            Kind::Origin => &refused::ORIGIN,
            Kind::Unauthorized => &refused::UNAUTHORIZED,
            Kind::Throttled => &refused::THROTTLED,
            Kind::Unavailable => &refused::UNAVAILABLE,
            Kind::Waiting => &refused::WAITING,
            Kind::Timeout => &refused::TIMEOUT,
            Kind::Flow => &refused::FLOW,
        }
    }
}

/// A handshake, or a first message in its place, that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    status: StatusCode,
    /// In the log, and in the body unless `body` is set. Never part of a token.
    pub(crate) reason: Cow<'static, str>,
    /// What a flow has to say.
    body: Option<String>,
    /// How the client can log in.
    challenge: Option<&'static str>,
}

impl Refusal {
    /// A refusal for `reason`.
    pub(crate) fn new(kind: Kind, reason: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        Refusal { kind, status: kind.status(), reason, body: None, challenge: None }
    }

    /// With the value of `WWW-Authenticate`.
    pub(crate) fn challenging(self, challenge: &'static str) -> Self {
        Refusal { challenge: Some(challenge), ..self }
    }

    /// By a flow, with its status and body.
    pub(crate) fn by_flow(status: StatusCode, body: String) -> Self {
        let refusal = Refusal::new(Kind::Flow, "the flow refused it");
        Refusal { status, body: Some(body), ..refusal }
    }

    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The response to the handshake.
    pub(crate) fn response(self) -> Response {
        let body = self.body.unwrap_or_else(|| self.reason.into_owned());
        let mut response = text(self.status, body);
        let headers = response.headers_mut();
        if let Some(after) = self.kind.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

//! `Collector`: the OpenTelemetry collector, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::NodeError;
use ferrowire_net::{Stream, TlsOptions, dial};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri, body::Incoming};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ClientConfig;

/// How long an attempt may take, from dialling to the end of the response; what OpenTelemetry has as its
/// default.
const TIME: Duration = Duration::from_secs(10);

/// The longest response that is read.
const LONGEST: usize = 64 * 1024;

/// The longest wait that a collector may ask for.
const LONGEST_WAIT: u64 = 60;

const AGENT: &str = concat!("ferrowire/", env!("CARGO_PKG_VERSION"));

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The collector took it, but for some spans; why.
    Taken { refused: u64, why: String },
    /// It is to be sent again, perhaps after a wait that the collector asks for.
    Later { why: String, wait: Option<Duration> },
    /// The collector refuses it.
    Refused { why: String },
}

/// A collector and the connection to it, which is opened when it is needed.
pub(super) struct Collector {
    pub(super) endpoint: Uri,
    headers: HeaderMap,
    tls: Option<Arc<ClientConfig>>,
    open: Option<SendRequest<Full<Bytes>>>,
    /// Drives the open connection.
    connection: JoinSet<()>,
}

impl Collector {
    /// The collector at `endpoint`, which is a whole URL.
    ///
    /// # Errors
    /// If it needs TLS, and the certificates of the system cannot be read.
    pub(super) fn new(endpoint: Uri, mut headers: HeaderMap) -> anyhow::Result<Self> {
        let tls = match endpoint.scheme_str() {
            Some("https") => Some(TlsOptions::default().client_config().map_err(|error| {
                anyhow::anyhow!("cannot prepare TLS for `otlp-endpoint`: {error}")
            })?),
            _ => None,
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        if let Some(authority) = endpoint.authority()
            && let Ok(host) = authority.as_str().parse()
        {
            headers.insert(HOST, host);
        }
        Ok(Collector { endpoint, headers, tls, open: None, connection: JoinSet::new() })
    }

    /// Sends a batch once. Takes [`TIME`] at most.
    pub(super) async fn post(&mut self, body: Bytes) -> Outcome {
        let sent = tokio::time::timeout(TIME, self.exchange(body)).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {TIME:?}")));
        sent.unwrap_or_else(|why| {
            // What is left of the exchange must not be taken for the next one.
            self.close();
            Outcome::Later { why, wait: None }
        })
    }

    async fn exchange(&mut self, body: Bytes) -> Result<Outcome, String> {
        if let Some(mut open) = self.open.take().filter(|open| !open.is_closed())
            && let Ok(response) = open.send_request(self.request(&body)?).await
        {
            return self.finish(open, response).await;
        }
        // The collector may have closed the connection while it was idle.
        let mut open = self.dial().await?;
        let response = open.send_request(self.request(&body)?).await;
        self.finish(open, response.map_err(|error| chain("no response", error))?).await
    }

    /// Reads the response, after which the connection is free again.
    async fn finish(
        &mut self,
        open: SendRequest<Full<Bytes>>,
        response: Response<Incoming>,
    ) -> Result<Outcome, String> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST).collect().await;
        let body = body.map_err(|error| format!("cannot read the response: {error}"))?.to_bytes();
        self.open = Some(open);
        Ok(outcome(head.status, &head.headers, &body))
    }

    async fn dial(&mut self) -> Result<SendRequest<Full<Bytes>>, String> {
        self.close();
        let host = self.endpoint.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let standard = if self.tls.is_some() { 443 } else { 80 };
        let port = self.endpoint.port_u16().unwrap_or(standard);
        let tcp =
            dial::connect(host, port).await.map_err(|error| chain("cannot connect", error))?;
        let stream = match &self.tls {
            None => Stream::Plain(tcp),
            Some(tls) => {
                let secured = dial::secure(tcp, Arc::clone(tls), host).await;
                let secured = secured.map_err(|error| chain("cannot connect", error))?;
                Stream::Tls(Box::new(secured.into()))
            }
        };
        let (open, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| chain("cannot connect", error))?;
        // Its error is that of the request.
        self.connection.spawn(async move { drop(connection.await) });
        Ok(open)
    }

    fn request(&self, body: &Bytes) -> Result<Request<Full<Bytes>>, String> {
        let target = self.endpoint.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.parse().map_err(|error| format!("invalid path: {error}"))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    fn close(&mut self) {
        self.open = None;
        self.connection.abort_all();
        while self.connection.try_join_next().is_some() {}
    }
}

fn chain(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> String {
    NodeError::caused_by(what.to_owned(), error).chain()
}

/// The part of a response that says what was not taken.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    partial_success: Partial,
    /// Of an error.
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Partial {
    /// JSON has 64-bit integers as texts, but numbers are read as well.
    rejected_spans: serde_json::Value,
    error_message: String,
}

/// What a response means, by the specification of OTLP/HTTP.
fn outcome(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    if status.is_success() {
        let Partial { rejected_spans: count, error_message: why } = answer.partial_success;
        let refused = count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or_default();
        return Outcome::Taken { refused, why };
    }
    let why = match answer.message.as_str() {
        "" => format!("the collector responded with {status}"),
        text => format!("the collector responded with {status}: {text}"),
    };
    match status.as_u16() {
        429 | 502..=504 => {
            let seconds = headers.get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
            let wait = seconds.map(|seconds: u64| Duration::from_secs(seconds.min(LONGEST_WAIT)));
            Outcome::Later { why, wait }
        }
        _ => Outcome::Refused { why },
    }
}

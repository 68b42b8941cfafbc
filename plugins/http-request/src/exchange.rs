//! `Client`: sends requests, follows redirects and authenticates.

use bytes::Bytes;
use ferrowire::{Map, NodeContext, Value};
use ferrowire_net::TlsOptions;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, COOKIE, HeaderMap, HeaderValue, LOCATION,
    PROXY_AUTHORIZATION, USER_AGENT, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode, Uri, body::Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use crate::call::{Call, Got, latin1, set_cookies};
use crate::case;
use crate::connect::{Age, Connector};
use crate::digest::{self, Asking};
use crate::failure::Failure;
use crate::inflate;
use crate::jar;
use crate::options::Options;

/// The limit of redirects for a request.
const MOST_REDIRECTS: usize = 21;

/// The maximum number of idle connections per host.
const KEPT: usize = 64;

/// The default `User-Agent`.
const AGENT: &str = concat!("ferrowire/", env!("CARGO_PKG_VERSION"));

/// Sends requests over connections that it reuses, if configured.
#[derive(Debug)]
pub(crate) struct Client {
    inner: legacy::Client<Connector, Full<Bytes>>,
    cx: NodeContext,
    connector: Connector,
    keep_alive: bool,
    largest: usize,
}

impl Client {
    pub(crate) fn new(options: &Options, tls: TlsOptions, cx: NodeContext) -> Self {
        let connector = Connector::new(cx.clone(), options.proxy.clone(), tls);
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(if options.keep_alive { KEPT } else { 0 })
            .http1_ignore_invalid_headers_in_responses(options.lenient)
            .http1_allow_spaces_after_header_name_in_responses(options.lenient)
            .http1_allow_obsolete_multiline_headers_in_responses(options.lenient);
        Client {
            inner: builder.build(connector.clone()),
            cx,
            connector,
            keep_alive: options.keep_alive,
            largest: options.largest,
        }
    }

    /// Sends a request, with redirects and authentication, and returns the final response.
    ///
    /// # Errors
    /// Why there is no response.
    pub(crate) async fn send(&self, mut call: Call) -> Result<Got, Failure> {
        let mut redirects = Vec::new();
        let mut proved = false;
        loop {
            let response = self.once(&call).await?;
            let cookies = set_cookies(response.headers());
            call.jar.keep(&cookies, &call.url);
            if !proved && self.prove(&mut call, &response) {
                proved = true;
                continue;
            }
            let Some(location) = redirected(&call, &response) else {
                return self.finish(call, response, redirects).await;
            };
            if redirects.len() >= MOST_REDIRECTS {
                let text = format!("redirected more than {MOST_REDIRECTS} times");
                return Err(Failure::new("ERR_TOO_MANY_REDIRECTS", text));
            }
            let mut step = Map::from_iter([("location", Value::from(location.as_str()))]);
            if !cookies.is_empty() {
                step.insert("cookies", jar::described(&cookies));
            }
            redirects.push(step.into());
            go_on(&mut call, response.status(), &location)?;
        }
    }

    async fn once(&self, call: &Call) -> Result<Response<Incoming>, Failure> {
        loop {
            let error = match self.inner.request(self.request(call).await?).await {
                Ok(response) => {
                    if let Some(age) = response.extensions().get::<Age>() {
                        age.has_served();
                    }
                    return Ok(response);
                }
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            // A server may close an idle connection just as a request is sent.
            let ended = Age::of(&error).is_old() && matches!(failure.code, "ECONNRESET" | "EPIPE");
            if !ended || !call.method.is_idempotent() {
                return Err(failure);
            }
        }
    }

    async fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Failure> {
        let uri = without_credentials(&call.url)?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.headers_mut() = self.headers(call, &uri)?;
        *request.extensions_mut() = case::kept(call.headers.names()).await;
        *request.uri_mut() = uri;
        Ok(request)
    }

    fn headers(&self, call: &Call, uri: &Uri) -> Result<HeaderMap, Failure> {
        let mut headers = call.headers.to_map()?;
        let mut put = |name, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.entry(name).or_insert(value);
            }
        };
        put(USER_AGENT, AGENT);
        put(ACCEPT_ENCODING, inflate::ACCEPTED);
        if call.body.is_empty() && expects_body(&call.method) {
            put(CONTENT_LENGTH, "0");
        }
        if !self.keep_alive {
            put(CONNECTION, "close");
        }
        if let Some(cookies) = call.jar.header(&call.url) {
            put(COOKIE, &cookies);
        }
        let proxy = self.connector.proxy_for(uri);
        let proxy = proxy.map_err(|text| Failure::new("ERR_INVALID_ARG_VALUE", text))?;
        // With TLS, the proxy was authenticated when the tunnel was opened.
        if uri.scheme_str() != Some("https")
            && let Some(authorization) = proxy.and_then(|proxy| proxy.authorization)
        {
            put(PROXY_AUTHORIZATION, &authorization);
        }
        Ok(headers)
    }

    /// Answers an authentication challenge; false if there is none, or no credentials for it.
    fn prove(&self, call: &mut Call, response: &Response<Incoming>) -> bool {
        let Some((user, password)) = &call.digest else { return false };
        if response.status() != StatusCode::UNAUTHORIZED {
            return false;
        }
        let all = response.headers().get_all(WWW_AUTHENTICATE);
        let challenges = all.iter().map(|it| latin1(it.as_bytes()));
        let is_digest = |it: &String| it.to_ascii_lowercase().contains("digest ");
        let Some(challenge) = challenges.into_iter().find(is_digest) else { return false };
        let target = match call.url.query() {
            Some(query) => format!("{}?{query}", call.url.path()),
            None => call.url.path().to_owned(),
        };
        let asking = Asking { user, password, method: call.method.as_str(), target: &target };
        let nonce = format!("{:032x}", rand::random::<u128>());
        match digest::answer(&challenge, &asking, &nonce) {
            Ok(answer) => {
                call.headers.set_text("authorization", answer);
                true
            }
            Err(text) => {
                self.cx.warn(format_args!("digest authentication failed: {text}"));
                false
            }
        }
    }

    async fn finish(
        &self,
        call: Call,
        response: Response<Incoming>,
        redirects: Vec<Value>,
    ) -> Result<Got, Failure> {
        let (mut head, body) = response.into_parts();
        let body = match Limited::new(body, self.largest).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(too_large(self.largest)),
            Err(error) => return Err(Failure::of(error.as_ref())),
        };
        let body = inflate::body(&mut head.headers, body, self.largest)?;
        Ok(Got { status: head.status, headers: head.headers, body, url: call.url, redirects })
    }
}

pub(crate) fn too_large(largest: usize) -> Failure {
    let text = format!(
        "the response is larger than {largest} bytes; raise \"Largest response\" (`maxResponse`) in the node's dialog"
    );
    Failure::new("ERR_BODY_TOO_LARGE", text)
}

/// Whether servers expect a body with this method, so that an empty one has to be announced (RFC
/// 9110 §8.6).
fn expects_body(method: &Method) -> bool {
    use hyper::Method as M;
    ![M::GET, M::HEAD, M::DELETE, M::OPTIONS, M::TRACE, M::CONNECT].contains(method)
}

/// The URL without user and password, which are sent in a header if at all.
fn without_credentials(url: &Url) -> Result<Uri, Failure> {
    let mut plain = url.clone();
    plain.set_fragment(None);
    // Fails only for URLs without a host, which were rejected before.
    let _kept = (plain.set_username(""), plain.set_password(None));
    let invalid = |_| Failure::new("ERR_INVALID_URL", format!("invalid URL `{plain}`"));
    plain.as_str().parse().map_err(invalid)
}

/// The target of a redirect that is to be followed.
fn redirected(call: &Call, response: &Response<Incoming>) -> Option<String> {
    let is_redirect = matches!(response.status().as_u16(), 300..=304 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| is_redirect && call.follow)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Changes the request to follow a redirect.
fn go_on(call: &mut Call, status: StatusCode, location: &str) -> Result<(), Failure> {
    let invalid = |why: String| Failure::new("ERR_INVALID_URL", why);
    let next = call
        .url
        .join(location)
        .map_err(|error| invalid(format!("redirected to `{location}`: {error}")))?;
    if !matches!(next.scheme(), "http" | "https") {
        let text = format!("redirected to `{location}`, which is neither `http:` nor `https:`");
        return Err(Failure::new("ERR_UNSUPPORTED_PROTOCOL", text));
    }
    // Only 303 changes the method (RFC 9110 §15.4.4).
    if status == StatusCode::SEE_OTHER && !matches!(call.method, Method::GET | Method::HEAD) {
        call.method = Method::GET;
        call.body = Bytes::new();
        call.headers.remove("content-type");
    }
    let same = |a: &Url, b: &Url| {
        a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
    };
    // Credentials must not be sent to another site.
    if !same(&call.url, &next) || (call.url.scheme() == "https" && next.scheme() == "http") {
        call.headers.remove("host");
        call.headers.remove("cookie");
        call.headers.remove("authorization");
        call.digest = None;
    }
    call.url = next;
    Ok(())
}

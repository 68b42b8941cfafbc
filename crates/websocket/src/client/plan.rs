//! What a connection attempt needs, from the options and the environment as they are now.

use std::sync::Arc;

use ferrowire_core::trace::{Carrier, SpanKind};
use ferrowire_core::{Message, NodeContext};
use ferrowire_net::{Proxy, TlsOptions};
use hyper::header::{HeaderName, HeaderValue};
use tokio_rustls::rustls::ClientConfig;

use crate::client::dial::Plan;
use crate::client::options::Options;
use crate::client::url::Url;

impl Plan {
    /// The plan of the next attempt, to `url`.
    ///
    /// # Errors
    /// If something in the options or the environment does not allow one.
    pub(crate) async fn of(
        url: Option<Url>,
        options: &Options,
        cx: &NodeContext,
    ) -> Result<Self, String> {
        let url = url.ok_or("the URL is invalid")?;
        let headers = options.headers.resolve(|name| variable(cx, name))?;
        let mut plan = Plan {
            headers,
            subprotocols: options.subprotocols.clone(),
            compression: options.compression,
            ..Plan::to(url, &options.tls, cx).await?
        };
        options.auth.apply(&mut plan);
        plan.headers.extend(trace(cx));
        Ok(plan)
    }

    /// The plan of a plain request to `url`, with the authorities that the system trusts.
    ///
    /// # Errors
    /// If something in the environment does not allow one.
    pub(crate) async fn for_request(url: Url, cx: &NodeContext) -> Result<Self, String> {
        Plan::to(url, &TlsOptions::default(), cx).await
    }

    /// The way to `url`: TLS and a proxy, as they are needed.
    async fn to(url: Url, tls_options: &TlsOptions, cx: &NodeContext) -> Result<Self, String> {
        let env = |name: &str| variable(cx, name);
        let tls = match url.secure {
            true => Some(tls(tls_options, env).await?),
            false => None,
        };
        let proxy = Proxy::from_environment(url.secure, &url.host, url.port, env)?;
        let (subprotocols, headers) = (Vec::new(), Vec::new());
        Ok(Plan { url, subprotocols, headers, proxy, tls, compression: None })
    }
}

/// The headers of the trace that begins with a handshake, if it is recorded.
fn trace(cx: &NodeContext) -> Option<(HeaderName, HeaderValue)> {
    if !cx.traces_over(Carrier::WebSocket) {
        return None;
    }
    let mut msg = Message::new();
    cx.begin_trace(&mut msg, None);
    let trace = msg.trace()?;
    trace.set_kind(SpanKind::Client);
    let parent = trace.traceparent().parse().ok()?;
    Some((HeaderName::from_static("traceparent"), parent))
}

/// A variable of the environment that is a text.
fn variable(cx: &NodeContext, name: &str) -> Option<String> {
    cx.env(name)?.as_str().map(str::to_owned)
}

async fn tls(
    options: &TlsOptions,
    env: impl Fn(&str) -> Option<String>,
) -> Result<(Arc<ClientConfig>, Option<String>), String> {
    let options = options.clone().with_environment(env);
    let name = options.server_name.clone();
    // Reads files, including the system's certificates.
    let config = tokio::task::spawn_blocking(move || options.client_config()).await;
    Ok((config.map_err(|error| error.to_string())??, name))
}

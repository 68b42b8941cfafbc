//! The properties of a `websocket-client`.

use std::time::Duration;

use ferrowire_core::NodeConfig;
use ferrowire_net::{BackoffOptions, TlsOptions};

use crate::client::auth::Auth;
use crate::client::headers::Headers;
use crate::client::heartbeat::Heartbeat;
use crate::client::opening;
use crate::client::queue::QueueOptions;
use crate::client::stops::Stops;
use crate::client::url::Url;
use crate::deflate::options::CompressionOptions;
use crate::frame::Payload;
use crate::listener::split_list;
use crate::payload::Mode;
use crate::settings::Overrides;

/// What a client is told to do.
#[derive(Debug)]
pub(crate) struct Options {
    /// `None` if it is invalid.
    pub(crate) url: Option<Url>,
    /// Connects without being told to.
    pub(crate) is_automatic: bool,
    /// `msg._session` has details.
    pub(crate) has_details: bool,
    pub(crate) tls: TlsOptions,
    pub(crate) mode: Mode,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) headers: Headers,
    pub(crate) auth: Auth,
    /// Sent after each connect, in this order.
    pub(crate) opening: Vec<Payload>,
    pub(crate) backoff: BackoffOptions,
    pub(crate) stops: Stops,
    /// The time limit of an attempt; `None` for the runtime's.
    pub(crate) handshake: Option<Duration>,
    pub(crate) queue: Option<QueueOptions>,
    pub(crate) overrides: Overrides,
    /// `None` if it is off.
    pub(crate) compression: Option<CompressionOptions>,
}

impl Options {
    /// Reads them; what is invalid is reported as a problem of its property.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let is_automatic = config.boolean("autoConnect", true);
        let tls = config.referenced("tls").map(|properties| {
            TlsOptions::from_properties(&properties, |property, text| {
                config.problem("tls", format!("`{property}` of the `tls-config`: {text}"));
            })
        });
        let auth = Auth::from_config(config);
        let mut opening = opening::messages(config);
        opening.splice(0..0, auth.first_message());
        let backoff = BackoffOptions::from_config(config);
        let handshake = config.number_in("handshakeTimeout", 0.001..=86_400.0);
        Options {
            url: url(config, is_automatic),
            is_automatic,
            has_details: config.boolean("details", false),
            tls: tls.unwrap_or_default(),
            mode: Mode::from_property(config.raw("wholemsg")),
            heartbeat: Heartbeat::from_config(config),
            subprotocols: split_list(&config.text("subprotocol")),
            headers: Headers::from_config(config),
            auth,
            opening,
            backoff,
            stops: Stops::from_config(config, backoff.is_own()),
            handshake: handshake.map(Duration::from_secs_f64),
            queue: QueueOptions::from_config(config),
            overrides: Overrides::from_config(config),
            compression: CompressionOptions::from_config(config),
        }
    }
}

/// A client that waits to be told to connect may be told where to as well.
fn url(config: &mut NodeConfig<'_>, is_automatic: bool) -> Option<Url> {
    let text = config.text("path");
    if text.is_empty() && !is_automatic {
        return None;
    }
    Url::parse(&text).map_err(|text| config.problem("path", text)).ok()
}

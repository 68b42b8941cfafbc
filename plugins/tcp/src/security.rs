//! TLS of either side, with the options of a `tls-config`.

use std::sync::Arc;

use ferrowire::{NodeConfig, NodeContext};
use ferrowire_net::dial::{self, NoConnection};
use ferrowire_net::{Stream, TlsOptions};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// The property `tls`; without one, connections are plain.
#[derive(Clone, Debug)]
pub(crate) struct Security(Option<TlsOptions>);

impl Security {
    /// Reads it; problems of the `tls-config` are reported.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let options = config.referenced("tls").map(|properties| {
            TlsOptions::from_properties(&properties, |property, text| {
                config.problem("tls", format!("`{property}` of the `tls-config`: {text}"));
            })
        });
        Security(options)
    }

    fn options(&self, cx: &NodeContext) -> Option<TlsOptions> {
        let env = |name: &str| cx.env(name)?.as_str().map(str::to_owned);
        self.0.clone().map(|options| options.with_environment(env))
    }

    /// Connects. Has no time limit of its own.
    pub(crate) async fn connect(
        &self,
        host: &str,
        port: u16,
        cx: &NodeContext,
    ) -> Result<Stream, NoConnection> {
        let tcp = dial::connect(host, port).await?;
        keep_alive(&tcp);
        let Some(options) = self.options(cx) else { return Ok(Stream::Plain(tcp)) };
        let name = options.server_name.clone();
        // Reads files, including the system's certificates.
        let made = tokio::task::spawn_blocking(move || options.client_config()).await;
        let config = made.unwrap_or_else(|error| Err(error.to_string()));
        let config = config.map_err(NoConnection::Options)?;
        let tls = dial::secure(tcp, config, name.as_deref().unwrap_or(host)).await?;
        Ok(Stream::Tls(Box::new(tls.into())))
    }

    /// What a server needs; `None` for plain connections.
    ///
    /// # Errors
    /// If the `tls-config` has no certificate with its key.
    pub(crate) async fn acceptor(&self, cx: &NodeContext) -> Result<Option<TlsAcceptor>, String> {
        let Some(options) = self.options(cx) else { return Ok(None) };
        let made = tokio::task::spawn_blocking(move || options.server_config()).await;
        let config = made.unwrap_or_else(|error| Err(error.to_string()))?;
        Ok(Some(TlsAcceptor::from(Arc::clone(&config))))
    }
}

/// As in Node-RED: a peer that is gone is noticed after two minutes.
pub(crate) fn keep_alive(tcp: &TcpStream) {
    let probes = socket2::TcpKeepalive::new().with_time(std::time::Duration::from_secs(120));
    // A system without it works as well.
    let _is_set = socket2::SockRef::from(tcp).set_tcp_keepalive(&probes);
}

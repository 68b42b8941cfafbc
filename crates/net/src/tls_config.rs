//! `tls-config`: certificates and keys for TLS connections.

use ferrowire_core::{FromConfig, Node, NodeConfig};

use crate::TlsOptions;

/// The configuration node `tls-config`: only its properties matter.
#[derive(Debug)]
pub struct TlsConfig;

impl FromConfig for TlsConfig {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let properties = config.properties().clone();
        TlsOptions::from_properties(&properties, |property, text| config.problem(property, text));
        TlsConfig
    }
}

impl Node for TlsConfig {}

//! `tls-config`: certificates and keys for TLS connections.

use ferrowire_core::{Credential, Editor, FromConfig, Node, NodeConfig, NodeType};
use ferrowire_web::TlsOptions;

ferrowire_core::register!(
    NodeType::shared::<TlsNode>("tls-config")
        .summary("certificates and keys for TLS connections")
        .category("config")
        .editor(Editor::NodeRed("network/05-tls"))
        .credentials(&[
            Credential::Text("certdata"),
            Credential::Text("keydata"),
            Credential::Text("cadata"),
            Credential::Text("p12data"),
            Credential::Password("passphrase"),
        ])
);

/// The configuration node `tls-config`: only its properties matter.
struct TlsNode;

impl FromConfig for TlsNode {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let properties = config.properties().clone();
        TlsOptions::from_properties(&properties, |property, text| config.problem(property, text));
        TlsNode
    }
}

impl Node for TlsNode {}

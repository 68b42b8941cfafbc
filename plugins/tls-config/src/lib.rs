//! The configuration node `tls-config`: certificates and keys for TLS connections.

use ferrowire::{Credential, Editor, NodeType};
use ferrowire_net::TlsConfig;

ferrowire::register!(
    NodeType::shared::<TlsConfig>("tls-config")
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

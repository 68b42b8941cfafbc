//! `TlsOptions`: a client's certificate and trusted authorities, from a `tls-config`.

use std::fmt;
use std::sync::Arc;

use ferrowire_core::{Map, Value};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::identity::{self, Identity};
use crate::pem;
use crate::trust::{TrustAll, TrustGiven};

/// A certificate, key or archive: a file's path, its content, or an environment variable with the
/// content.
#[derive(Clone, PartialEq)]
pub(crate) enum Source {
    File(String),
    Content(String),
    Environment(String),
}

/// Keys must not appear in logs.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "`{path}`"),
            Source::Content(_) => f.write_str("the content of the `tls-config`"),
            Source::Environment(name) => write!(f, "the environment variable `{name}`"),
        }
    }
}

impl Source {
    pub(crate) fn is_pasted(&self) -> bool {
        matches!(self, Source::Content(_))
    }

    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Source::Content(text) => Ok(text.clone().into_bytes()),
            Source::Environment(name) => {
                Err(format!("the environment variable `{name}` is not set"))
            }
            Source::File(path) => {
                std::fs::read(path).map_err(|error| format!("cannot read `{path}`: {error}"))
            }
        }
    }
}

/// The passphrase of an encrypted key or an archive.
#[derive(Clone, PartialEq)]
struct Passphrase(String);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The options of a `tls-config` node.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsOptions {
    certificate: Option<Source>,
    key: Option<Source>,
    authority: Option<Source>,
    /// A PKCS#12 archive instead of certificate and key.
    archive: Option<Source>,
    passphrase: Option<Passphrase>,
    /// The server name to verify and send as SNI, if it is not the host.
    pub server_name: Option<String>,
    verify: bool,
    alpn: Option<String>,
}

impl Default for TlsOptions {
    fn default() -> Self {
        TlsOptions {
            certificate: None,
            key: None,
            authority: None,
            archive: None,
            passphrase: None,
            server_name: None,
            verify: true,
            alpn: None,
        }
    }
}

impl TlsOptions {
    /// Reads the properties of a `tls-config`; calls `problem` with the property and the text of
    /// each problem.
    pub fn from_properties(properties: &Map, mut problem: impl FnMut(&str, String)) -> Self {
        let text = |name: &str| {
            let text = properties.get(name).and_then(Value::as_str).unwrap_or_default();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let credentials = properties.get("credentials");
        let kind = text("certType").unwrap_or_else(|| "files".to_owned());
        let credential = |name: &str| {
            let content = credentials.and_then(|all| all.get(name)).and_then(Value::as_str);
            content.filter(|content| !content.is_empty()).map(str::to_owned)
        };
        let is_archive = kind == "pfx";
        let mut source = |name: &str| {
            if is_archive != (name == "p12") {
                return None;
            }
            if kind == "env" {
                return text(&format!("{name}Env")).map(Source::Environment);
            }
            if let Some(content) = credential(&format!("{name}data")) {
                return Some(Source::Content(content));
            }
            if text(name).is_none() && text(&format!("{name}name")).is_some() {
                problem(name, "the content is missing; set the path of a file instead".to_owned());
            }
            text(name).map(Source::File)
        };
        let options = TlsOptions {
            certificate: source("cert"),
            key: source("key"),
            authority: source("ca"),
            archive: source("p12"),
            passphrase: credential("passphrase").map(Passphrase),
            server_name: text("servername"),
            verify: properties.get("verifyservercert") != Some(&Value::Bool(false)),
            alpn: text("alpnprotocol"),
        };
        if options.certificate.is_some() != options.key.is_some() {
            problem("cert", "expected both certificate and private key".to_owned());
        }
        options
    }

    /// Replaces environment variables by their content.
    #[must_use]
    pub fn with_environment(mut self, env: impl Fn(&str) -> Option<String>) -> Self {
        for source in [&mut self.certificate, &mut self.key, &mut self.authority] {
            if let Some(Source::Environment(name)) = source
                && let Some(content) = env(name)
            {
                *source = Some(Source::Content(content));
            }
        }
        self
    }

    /// Trusts any certificate, or only those signed by a trusted authority.
    #[must_use]
    pub fn verifying(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// Reads the files and builds the configuration. Blocks on file I/O.
    ///
    /// # Errors
    /// If a file is missing or invalid; names the file.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let identity = self.identity()?;
        let builder = match (self.verify, &self.authority) {
            (false, _) => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAll(provider)))
            }
            (true, None) => {
                let mut roots = system_roots();
                if let Some(identity) = &identity {
                    roots.add_parsable_certificates(identity.authorities.iter().cloned());
                }
                builder.with_root_certificates(roots)
            }
            (true, Some(authority)) => {
                let verifier = TrustGiven::new(certificates(authority)?, provider)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        let mut config = match identity {
            Some(Identity { own, .. }) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.clone().into_bytes()).collect();
        Ok(Arc::new(config))
    }

    /// Reads the files and builds the configuration of a server, which asks clients for no certificate.
    /// Blocks on file I/O.
    ///
    /// # Errors
    /// If there is no certificate with its key, or a file is missing or invalid.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, String> {
        let identity = self.identity()?;
        let identity = identity.ok_or("a server needs a certificate and its private key")?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let own = Arc::new(SingleCertAndKey::from(identity.own));
        Ok(Arc::new(builder.with_no_client_auth().with_cert_resolver(own)))
    }

    fn identity(&self) -> Result<Option<Identity>, String> {
        let passphrase = self.passphrase.as_ref().map(|passphrase| passphrase.0.as_str());
        match (&self.archive, &self.certificate, &self.key) {
            (Some(archive), ..) => identity::from_archive(archive, passphrase).map(Some),
            (None, Some(certificate), Some(key)) => {
                identity::from_pem(certificate, key, passphrase).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

pub(crate) fn certificates(source: &Source) -> Result<Vec<CertificateDer<'static>>, String> {
    let content = source.read()?;
    match pem::certificates(&content) {
        Ok(all) if all.is_empty() => Err(format!("{source:?} contains no certificate in PEM form")),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("invalid certificate in {source:?}, expected PEM: {error}")),
    }
}

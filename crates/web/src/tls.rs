//! `TlsOptions`: how a client proves itself and whom it trusts, as a `tls-config` says.

use std::fmt;
use std::sync::Arc;

use ferrowire_core::{Map, Value};
use tokio_rustls::rustls::InconsistentKeys::KeyMismatch;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::trust::{TrustAll, TrustGiven};

/// A certificate or key: a file's path, its content, or the environment variable that holds it.
#[derive(Clone, PartialEq)]
enum Pem {
    File(String),
    Content(String),
    Environment(String),
}

/// A key is nothing for a log.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => write!(f, "`{path}`"),
            Pem::Content(_) => f.write_str("the content of the `tls-config`"),
            Pem::Environment(name) => write!(f, "the environment variable `{name}`"),
        }
    }
}

impl Pem {
    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Pem::Content(text) => Ok(text.clone().into_bytes()),
            Pem::Environment(name) => Err(format!("the environment variable `{name}` is not set")),
            Pem::File(path) => {
                std::fs::read(path).map_err(|error| format!("cannot read `{path}`: {error}"))
            }
        }
    }
}

/// What a `tls-config` node says.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsOptions {
    certificate: Option<Pem>,
    key: Option<Pem>,
    authority: Option<Pem>,
    /// The name to ask the server for, when it is not the host's.
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
            server_name: None,
            verify: true,
            alpn: None,
        }
    }
}

impl TlsOptions {
    /// Reads the properties of a `tls-config`; `problem` is told of mistakes and where they are.
    pub fn from_properties(properties: &Map, mut problem: impl FnMut(&str, String)) -> Self {
        let text = |name: &str| {
            let text = properties.get(name).and_then(Value::as_str).unwrap_or_default();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let credentials = properties.get("credentials");
        let kind = text("certType").unwrap_or_else(|| "files".to_owned());
        let has_p12 = credentials.and_then(|all| all.get("p12data")).is_some_and(Value::is_truthy);
        if kind == "pfx" || (has_p12 && text("cert").is_none()) {
            let text = "PKCS#12 files are not supported: convert it with `openssl pkcs12 -nodes` \
                        and give certificate and key in PEM form";
            problem("p12", text.to_owned());
        }
        let mut pem = |name: &str| {
            if kind == "env" {
                return text(&format!("{name}Env")).map(Pem::Environment);
            }
            let content = credentials
                .and_then(|all| all.get(&format!("{name}data")))
                .and_then(Value::as_str)
                .filter(|content| !content.is_empty());
            if let Some(content) = content {
                return Some(Pem::Content(content.to_owned()));
            }
            if text(name).is_none() && text(&format!("{name}name")).is_some() {
                problem(name, "its content is missing: give the path of a file instead".to_owned());
            }
            text(name).map(Pem::File)
        };
        let options = TlsOptions {
            certificate: pem("cert"),
            key: pem("key"),
            authority: pem("ca"),
            server_name: text("servername"),
            verify: properties.get("verifyservercert") != Some(&Value::Bool(false)),
            alpn: text("alpnprotocol"),
        };
        if options.certificate.is_some() != options.key.is_some() {
            problem("cert", "certificate and private key are needed together".to_owned());
        }
        options
    }

    /// The options with the content of environment variables in their place.
    #[must_use]
    pub fn with_environment(mut self, env: impl Fn(&str) -> Option<String>) -> Self {
        for pem in [&mut self.certificate, &mut self.key, &mut self.authority] {
            if let Some(Pem::Environment(name)) = pem
                && let Some(content) = env(name)
            {
                *pem = Some(Pem::Content(content));
            }
        }
        self
    }

    /// Trusts whatever certificate a server shows, or only those that an authority vouches for.
    #[must_use]
    pub fn verifying(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// Reads the files and makes a configuration of them. Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong, naming the file.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match (self.verify, &self.authority) {
            (false, _) => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAll(provider)))
            }
            (true, None) => builder.with_root_certificates(system_roots()),
            (true, Some(authority)) => {
                let verifier = TrustGiven::new(certificates(authority)?, provider)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        let mut config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_slice(&key.read()?)
                    .map_err(|error| format!("the private key is unusable: {error}"))?;
                let key = ring::sign::any_supported_type(&key)
                    .map_err(|error| format!("the private key is unusable: {error}"))?;
                let own = CertifiedKey::new(chain, key);
                // Certificates of version 1 cannot be compared, and servers may take them.
                if let Err(error @ rustls::Error::InconsistentKeys(KeyMismatch)) = own.keys_match()
                {
                    return Err(format!("certificate and key do not belong together: {error}"));
                }
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
            }
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.clone().into_bytes()).collect();
        Ok(Arc::new(config))
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, String> {
    let content = pem.read()?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match all {
        Ok(all) if all.is_empty() => Err(format!("{pem:?} holds no certificate in PEM form")),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("{pem:?} is no certificate in PEM form: {error}")),
    }
}

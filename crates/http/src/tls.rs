//! The server side of TLS: certificate and key from files, which may change while the port is open.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ferrowire_core::MutexExt as _;

use arc_swap::ArcSwap;
use ferrowire_net::pem;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoClientAuth, VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// The certificate and key files, in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by the intermediate certificates.
    pub certificate: PathBuf,
    /// The private key: PKCS#8, encrypted or not, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// What an encrypted key is decrypted with (`tls-passphrase`).
    pub passphrase: Option<Passphrase>,
    /// Whose certificates are asked for; none if `None`.
    pub clients: Option<Clients>,
}

/// The passphrase of a key, which `Debug` does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(pub String);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// The certificates that clients present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The certificates of the authorities that sign them.
    pub authorities: PathBuf,
    /// Whether a client without a certificate is refused.
    pub required: bool,
}

impl TlsFiles {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let authorities = self.clients.as_ref().map(|clients| clients.authorities.as_path());
        [self.certificate.as_path(), self.key.as_path()].into_iter().chain(authorities)
    }
}

/// Why TLS cannot be enabled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTls {
    /// A file cannot be read.
    #[error("cannot read {what} `{path}`")]
    File {
        /// `certificate`, `private key` or `authorities`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The content of a file is damaged, or cannot be decrypted.
    #[error("invalid {what} `{path}`: {reason}")]
    Content {
        /// `certificate`, `private key` or `authorities`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason, and what to do.
        reason: String,
    },
    /// A file contains no certificate.
    #[error("`{0}` contains no certificate in PEM form")]
    NoCertificate(PathBuf),
    /// The certificate or the key is unusable, or they do not match.
    #[error("invalid pair of certificate `{certificate}` and private key `{key}`")]
    Unusable {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
    /// The authorities cannot verify clients.
    #[error("invalid authorities `{path}`")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: VerifierBuilderError,
    },
}

/// When a file was changed, and how long it is.
type Stamp = Option<(SystemTime, u64)>;

/// The TLS of the port. New connections use the files as they were loaded last.
#[derive(Debug)]
pub struct ServerTls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    /// Of the files when they were loaded last, successfully or not.
    loaded: Mutex<Vec<Stamp>>,
}

impl ServerTls {
    /// Loads the files. Blocks on file I/O.
    ///
    /// # Errors
    /// If a file is missing or invalid, or certificate and key do not match; names the file.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, InvalidTls> {
        let loaded = Mutex::new(stamps(&files));
        let config = ArcSwap::from(server_config(&files)?);
        Ok(Arc::new(ServerTls { files, config, loaded }))
    }

    /// Loads the files again. Blocks on file I/O.
    ///
    /// # Errors
    /// As [`load`](Self::load); the earlier certificate is kept then.
    pub fn reload(&self) -> Result<(), InvalidTls> {
        *self.loaded() = stamps(&self.files);
        self.config.store(server_config(&self.files)?);
        Ok(())
    }

    /// Looks at the files each `period` and loads them again when they have changed, and have not
    /// changed since the look before: certificate and key are rarely replaced at the same instant. What
    /// cannot be loaded is logged once. Ends when `stop` is cancelled.
    pub async fn watch(self: Arc<Self>, period: Duration, stop: CancellationToken) {
        let mut last = self.loaded().clone();
        loop {
            tokio::select! {
                () = tokio::time::sleep(period) => {}
                () = stop.cancelled() => return,
            }
            let this = Arc::clone(&self);
            let look = tokio::task::spawn_blocking(move || this.look(last));
            let Ok(seen) = look.await else { return };
            last = seen;
        }
    }

    fn look(&self, last: Vec<Stamp>) -> Vec<Stamp> {
        let now = stamps(&self.files);
        if now != *self.loaded() && now == last {
            self.reload_and_log();
        }
        now
    }

    /// Loads the files again and logs what came of it. Blocks on file I/O.
    pub fn reload_and_log(&self) {
        match self.reload() {
            Ok(()) => info!("new connections use the TLS certificate as it is now"),
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "the TLS certificate was not changed"
                );
            }
        }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    fn loaded(&self) -> std::sync::MutexGuard<'_, Vec<Stamp>> {
        self.loaded.locked()
    }
}

/// A file that cannot be looked at has none.
fn stamps(files: &TlsFiles) -> Vec<Stamp> {
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.paths().map(stamp).collect()
}

fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, InvalidTls> {
    let provider = Arc::new(ring::default_provider());
    let clients = match &files.clients {
        Some(clients) => verifier(clients, &provider)?,
        None => Arc::new(NoClientAuth),
    };
    let unusable = |source| InvalidTls::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity(files)?)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn identity(files: &TlsFiles) -> Result<CertifiedKey, InvalidTls> {
    let unusable = |source| InvalidTls::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    };
    let chain = certificates("certificate", &files.certificate)?;
    let content = read("private key", &files.key)?;
    let passphrase = files.passphrase.as_ref().map(|passphrase| passphrase.0.as_str());
    let key = pem::private_key(&content, passphrase, "tls-passphrase").map_err(|reason| {
        InvalidTls::Content { what: "private key", path: files.key.clone(), reason }
    })?;
    let key = ring::sign::any_supported_type(&key).map_err(unusable)?;
    let identity = CertifiedKey::new(chain, key);
    match identity.keys_match() {
        // What cannot be compared may match.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(identity)
        }
        Err(error) => Err(unusable(error)),
    }
}

fn verifier(
    clients: &Clients,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, InvalidTls> {
    let path = &clients.authorities;
    let mut roots = RootCertStore::empty();
    for certificate in certificates("authorities", path)? {
        roots.add(certificate).map_err(|error| InvalidTls::Content {
            what: "authorities",
            path: path.clone(),
            reason: error.to_string(),
        })?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|source| InvalidTls::Authorities { path: path.clone(), source })
}

fn certificates(
    what: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, InvalidTls> {
    let found = pem::certificates(&read(what, path)?).map_err(|error| InvalidTls::Content {
        what,
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    if found.is_empty() {
        return Err(InvalidTls::NoCertificate(path.to_owned()));
    }
    Ok(found)
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, InvalidTls> {
    fs::read(path).map_err(|source| InvalidTls::File { what, path: path.to_owned(), source })
}

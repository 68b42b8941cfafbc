//! A cluster over NATS.

mod archive;
mod connect;
mod depot;
mod inbox;
mod order;
mod way;

use std::path::PathBuf;
use std::sync::Arc;

use async_nats::{ConnectOptions, ServerAddr};
use ferrowire_core::Map;
use ferrowire_net::TlsOptions;

use crate::member::Member;
use crate::options::Options;

/// Where NATS is, and how an instance logs in.
#[derive(Clone, Default)]
pub struct NatsOptions {
    /// The servers: `nats://host:4222` or `tls://host:4222`.
    pub servers: Vec<String>,
    /// Who the instance is; one of them is enough.
    pub login: Login,
    /// Certificates of the authorities that sign those of servers, PEM.
    pub authorities: Option<PathBuf>,
    /// The certificate of this instance and its key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl std::fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsOptions").field("servers", &self.servers).finish_non_exhaustive()
    }
}

/// How an instance logs in at NATS.
#[derive(Clone, Default)]
pub enum Login {
    /// Not at all, or by its certificate.
    #[default]
    None,
    /// With a file of credentials.
    File(PathBuf),
    /// With user and password.
    User(String, String),
    /// With a token.
    Token(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// What prevents a start.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The address of a server.
    #[error("`cluster`: expected a server such as `nats://host:4222`, found `{0}`")]
    Server(String),
    /// Addresses are no secrets: they are in logs, and in the arguments of the process.
    #[error("`cluster`: a server's address has no user; set `cluster-user` and `cluster-password`")]
    User,
    /// The file of credentials.
    #[error("`cluster-credentials`: cannot read `{0}`: {1}")]
    Credentials(PathBuf, std::io::Error),
    /// A certificate or key.
    #[error("`cluster-tls-…`: {0}")]
    Tls(String),
    /// NATS cannot be reached, or refuses this instance.
    #[error("{0}; without `cluster-required` the start would go on without NATS")]
    Unreachable(String),
}

/// Joins a cluster. Goes on without a connection and makes it later, unless it is `required`. Must be
/// called in a tokio runtime.
///
/// # Errors
/// If an option is invalid, a file cannot be read, or there is no connection and it is required.
pub async fn join(
    options: Options,
    nats: &NatsOptions,
    required: bool,
) -> Result<Member, JoinError> {
    let servers = servers(&nats.servers)?;
    let connect = login(connect_options(nats)?, &nats.login).await?;
    let connect = connect
        .name(format!("ferrowire {}", options.instance))
        .custom_inbox_prefix(format!("{}.{}.r", options.prefix, options.cluster));
    let member = Member::begin(options);
    let first = connect::start(&member.shared, servers, connect);
    if required {
        first.await.map_err(JoinError::Unreachable)?;
    }
    Ok(member)
}

fn servers(texts: &[String]) -> Result<Vec<ServerAddr>, JoinError> {
    let parse = |text: &String| {
        let server: ServerAddr = text.parse().map_err(|_| JoinError::Server(without_user(text)))?;
        let url = server.clone().into_inner();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(JoinError::User);
        }
        match url.scheme() {
            "nats" | "tls" if url.has_host() => Ok(server),
            _ => Err(JoinError::Server(text.clone())),
        }
    };
    texts.iter().map(parse).collect()
}

/// A text without what may be a password.
fn without_user(text: &str) -> String {
    text.rsplit('@').next().unwrap_or_default().to_owned()
}

fn connect_options(nats: &NatsOptions) -> Result<ConnectOptions, JoinError> {
    let text = |path: &PathBuf| path.display().to_string();
    let mut properties = Map::new();
    if let Some(authorities) = &nats.authorities {
        properties.insert("ca", text(authorities));
    }
    if let Some((certificate, key)) = &nats.identity {
        properties.insert("cert", text(certificate));
        properties.insert("key", text(key));
    }
    let tls = TlsOptions::from_properties(&properties, |_, _| {});
    let config = tls.client_config().map_err(JoinError::Tls)?;
    Ok(ConnectOptions::new().tls_client_config(Arc::unwrap_or_clone(config)))
}

async fn login(options: ConnectOptions, login: &Login) -> Result<ConnectOptions, JoinError> {
    Ok(match login {
        Login::None => options,
        Login::User(user, password) => options.user_and_password(user.clone(), password.clone()),
        Login::Token(token) => options.token(token.clone()),
        Login::File(path) => options
            .credentials_file(path)
            .await
            .map_err(|error| JoinError::Credentials(path.clone(), error))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(server: &str) -> String {
        servers(&[server.to_owned()]).unwrap_err().to_string()
    }

    #[test]
    fn servers_are_addresses_without_a_user() {
        let good = ["nats://a:4222", "tls://b", "c:4222"].map(str::to_owned);
        assert_eq!(servers(&good).unwrap().len(), 3);
        assert!(problem("http://a").contains("found `http://a`"));
        assert!(problem("nats://ann:secret@a").contains("cluster-user"));
        let bad = problem("nats://ann:secret@[");
        assert!(!bad.contains("secret"), "{bad}");
    }
}

//! Shared code of network connections: dialling, TLS options and keys, proxies, the delays between
//! attempts, cookies, the limits of logins, and the bound on the output that waits for peers.
//!
//! Registers no node type, so that it can be linked into both a runtime and the shared libraries
//! that the runtime loads.

mod backoff;
pub mod backlog;
mod cookies;
mod demand;
pub mod dial;
mod failures;
mod header_sum;
mod identity;
mod path;
pub mod pem;
mod proxy;
mod public_key;
mod stream;
mod throttle;
mod tls;
mod tls_config;
mod trust;

pub use backlog::Backlog;
pub use backoff::{Backoff, BackoffOptions};
pub use cookies::parse_cookies;
pub use demand::wanted;
pub use failures::Failures;
pub use header_sum::{MARK, header_sum, take_mark};
pub use path::{InvalidPath, PathPattern};
pub use proxy::{Proxy, basic, is_excepted};
pub use public_key::PublicKey;
pub use stream::Stream;
pub use throttle::{Throttle, client_network};
pub use tls::TlsOptions;
pub use tls_config::TlsConfig;

//! Shared code of network clients: TLS options, proxies, cookies.
//!
//! Registers no node type, so that it can be linked into both a runtime and the shared libraries
//! that the runtime loads.

mod cookies;
mod header_sum;
mod identity;
mod proxy;
mod stream;
mod tls;
mod tls_config;
mod trust;

pub use cookies::parse_cookies;
pub use header_sum::{MARK, header_sum, take_mark};
pub use proxy::{Proxy, basic, is_excepted};
pub use stream::Stream;
pub use tls::TlsOptions;
pub use tls_config::TlsConfig;

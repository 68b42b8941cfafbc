//! What nodes need that connect to other machines: TLS options, proxies, cookies.
//!
//! It registers no node type, so that it can be linked into a runtime and into the shared
//! libraries that the runtime loads.

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

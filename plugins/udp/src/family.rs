//! `Family`: IPv4 or IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ferrowire::NodeConfig;

/// The family of a socket's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// Reads the property `ipv`.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        if config.text("ipv") == "udp6" { Family::V6 } else { Family::V4 }
    }

    /// Every address of this machine, at a port.
    pub(crate) fn anywhere(self, port: u16) -> SocketAddr {
        match self {
            Family::V4 => (Ipv4Addr::UNSPECIFIED, port).into(),
            Family::V6 => (Ipv6Addr::UNSPECIFIED, port).into(),
        }
    }

    /// An address as the sockets of this family take it; `None` if they do not.
    pub(crate) fn fit(self, address: SocketAddr) -> Option<SocketAddr> {
        match (self, address.ip()) {
            (Family::V4, IpAddr::V4(_)) | (Family::V6, IpAddr::V6(_)) => Some(address),
            (Family::V6, IpAddr::V4(ip)) => Some((ip.to_ipv6_mapped(), address.port()).into()),
            (Family::V4, IpAddr::V6(_)) => None,
        }
    }
}

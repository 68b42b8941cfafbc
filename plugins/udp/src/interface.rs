//! `Interface`: the network interface of a multicast group.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use ferrowire::{NodeConfig, NodeContext, Status};
use socket2::SockRef;
use tokio::net::UdpSocket;

use crate::family::Family;

/// The property `iface`: the name or an address of an interface.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    name: String,
    family: Family,
}

/// An interface of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) address: IpAddr,
    index: u32,
}

impl Interface {
    /// Reads the property.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>, family: Family) -> Self {
        Interface { name: config.text("iface"), family }
    }

    /// Looks for the interface, and shows its address. Warns if there is none of that name.
    pub(crate) fn find(&self, cx: &NodeContext) -> Option<Found> {
        if self.name.is_empty() {
            return None;
        }
        let found = self.among(if_addrs::get_if_addrs().unwrap_or_default());
        match &found {
            Some(found) => {
                cx.status(Status::new("", "", format!("{} : {}", self.name, found.address)));
            }
            None => cx.warn(format_args!("udp: interface {} not found", self.name)),
        }
        found
    }

    fn among(&self, all: Vec<if_addrs::Interface>) -> Option<Found> {
        let address: Option<IpAddr> = self.name.parse().ok();
        let fits = |it: &if_addrs::Interface| match address {
            Some(address) => it.ip() == address,
            None => it.name == self.name && it.ip().is_ipv4() == (self.family == Family::V4),
        };
        let found = all.into_iter().find(fits)?;
        Some(Found { address: found.ip(), index: found.index.unwrap_or(0) })
    }
}

/// Joins a multicast group, at an interface or where the system chooses. What is sent to the group leaves
/// there too, and does not come back to this machine.
///
/// # Errors
/// If `group` is no multicast address of the socket's family, or the interface has no such.
pub(crate) fn join(socket: &UdpSocket, group: &str, at: Option<&Found>) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let socket = SockRef::from(socket);
    match group.parse::<IpAddr>().map_err(|_| invalid())? {
        IpAddr::V4(group) => {
            let local = match at.map(|found| found.address) {
                Some(IpAddr::V4(local)) => local,
                Some(IpAddr::V6(_)) => return Err(io::ErrorKind::AddrNotAvailable.into()),
                None => Ipv4Addr::UNSPECIFIED,
            };
            socket.set_multicast_loop_v4(false)?;
            socket.set_multicast_ttl_v4(128)?;
            socket.set_multicast_if_v4(&local)?;
            socket.join_multicast_v4(&group, &local)
        }
        IpAddr::V6(group) => {
            let index = at.map_or(0, |found| found.index);
            socket.set_multicast_loop_v6(false)?;
            socket.set_multicast_hops_v6(128)?;
            socket.set_multicast_if_v6(index)?;
            socket.join_multicast_v6(&group, index)
        }
    }
}

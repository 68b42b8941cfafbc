//! `Connections`: how many connections the port has, of all addresses and of each one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use ferrowire_core::MutexExt as _;

use ferrowire_net::client_network;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::TrustedProxies;

/// Bounds the connections of a port.
pub(crate) struct Connections {
    /// Of all addresses, also those that were taken over.
    all: Arc<Semaphore>,
    /// The maximum number of HTTP connections of one address.
    most: usize,
    /// The connections of these are those of many clients.
    proxies: TrustedProxies,
    by_address: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

/// One of the connections of all addresses, until dropped.
pub(crate) struct Admitted(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

/// One of the HTTP connections of an address, until dropped.
pub(crate) struct Place<'a> {
    connections: &'a Connections,
    address: IpAddr,
    /// `None` while waiting, and after the drop.
    places: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Connections {
    /// At most `all` connections, of which `most` are HTTP connections of one address.
    /// Those of `proxies` are not counted by address.
    pub(crate) fn new(all: usize, most: usize, proxies: TrustedProxies) -> Self {
        let all = Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS)));
        let most = most.min(Semaphore::MAX_PERMITS);
        Connections { all, most, proxies, by_address: Mutex::default() }
    }

    /// A new connection; `None` if there are too many.
    pub(crate) fn admit(&self) -> Option<Admitted> {
        Arc::clone(&self.all).try_acquire_owned().ok().map(Admitted)
    }

    /// Waits until the address has few enough HTTP connections. Connections of trusted proxies do not
    /// wait, nor do those of this machine, which may be a proxy's.
    pub(crate) async fn place(&self, address: IpAddr) -> Place<'_> {
        let address = client_network(address);
        let mut place = Place { connections: self, address, places: None, permit: None };
        if address.is_loopback() || self.proxies.trusts(address) {
            return place;
        }
        let places = self.places(address);
        place.places = Some(Arc::clone(&places));
        place.permit = places.acquire_owned().await.ok();
        place
    }

    fn places(&self, address: IpAddr) -> Arc<Semaphore> {
        let mut by_address = self.by_address();
        if let Some(places) = by_address.get(&address).and_then(Weak::upgrade) {
            return places;
        }
        let places = Arc::new(Semaphore::new(self.most));
        by_address.insert(address, Arc::downgrade(&places));
        places
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, Weak<Semaphore>>> {
        self.by_address.locked()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.permit.take());
        drop(self.places.take());
        let mut by_address = self.connections.by_address();
        if by_address.get(&self.address).is_some_and(|places| places.strong_count() == 0) {
            by_address.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_of_an_address_wait_for_earlier_ones() {
        let connections = Connections::new(10, 2, TrustedProxies::default());
        let place = |text| connections.place(address(text)).now_or_never();
        let (first, second) = (place("192.0.2.1").unwrap(), place("::ffff:192.0.2.1").unwrap());
        assert!(place("192.0.2.1").is_none());
        let _other = place("192.0.2.2").unwrap();
        drop(first);
        let third = place("192.0.2.1").unwrap();
        assert!(place("192.0.2.1").is_none());
        drop((second, third));
        assert_eq!(connections.by_address().len(), 1, "what is not used is forgotten");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_this_machine_is_none() {
        let connections = Connections::new(10, 1, TrustedProxies::default());
        let place = |text| connections.place(address(text)).now_or_never();
        let _first = place("2001:db8::1").unwrap();
        assert!(place("2001:db8::ffff:2").is_none());
        let _other = place("2001:db8:0:1::1").unwrap();
        let _here = [place("127.0.0.1"), place("127.0.0.1"), place("::1"), place("::1")]
            .map(Option::unwrap);
    }

    #[test]
    fn trusted_proxies_have_the_connections_of_many_clients() {
        let proxies = TrustedProxies::parse(&["192.0.2.0/24".to_owned()]).unwrap();
        let connections = Connections::new(10, 1, proxies);
        let place = |text| connections.place(address(text)).now_or_never();
        let _of_proxy = [place("192.0.2.1"), place("::ffff:192.0.2.1")].map(Option::unwrap);
        let _other = place("198.51.100.1").unwrap();
        assert!(place("198.51.100.1").is_none());
    }

    #[test]
    fn all_connections_are_bounded() {
        let connections = Connections::new(2, 2, TrustedProxies::default());
        let (first, _second) = (connections.admit().unwrap(), connections.admit().unwrap());
        assert!(connections.admit().is_none());
        drop(first);
        assert!(connections.admit().is_some());
    }
}

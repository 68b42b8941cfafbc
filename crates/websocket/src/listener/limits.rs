//! Limits of handshakes: connections, connections of an address, handshakes a second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use ferrowire_core::{MutexExt as _, NodeConfig, NodeContext, Setting};
use ferrowire_net::client_network;
use tokio::time::Instant;

use crate::listener::bucket::Bucket;
use crate::listener::refusal::{Kind, Refusal};
use crate::settings::{MAX_CLIENTS, MAX_CLIENTS_PER_ADDRESS, MAX_HANDSHAKE_RATE};

/// The most that may be there, of a listener or of all; `None` for what has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Most {
    connections: Option<usize>,
    per_address: Option<usize>,
    handshakes_a_second: Option<usize>,
}

impl Most {
    /// Reads `maxConnections`, `maxPerAddress` and `maxHandshakeRate` of a listener.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let mut count = |name| config.number_in(name, 1.0..=1e9).map(|number| number as usize);
        Most {
            connections: count("maxConnections"),
            per_address: count("maxPerAddress"),
            handshakes_a_second: count("maxHandshakeRate"),
        }
    }

    /// The runtime's settings, for all listeners together.
    fn of_runtime(cx: &NodeContext) -> Self {
        let count = |setting: &Setting<Option<usize>>| cx.setting(setting).filter(|most| *most > 0);
        Most {
            connections: count(&MAX_CLIENTS),
            per_address: count(&MAX_CLIENTS_PER_ADDRESS),
            handshakes_a_second: count(&MAX_HANDSHAKE_RATE),
        }
    }
}

/// What all listeners count together.
static OF_ALL: LazyLock<Arc<Counts>> = LazyLock::new(Arc::default);

/// The counts of a listener, and those of all.
#[derive(Debug)]
pub(crate) struct Gate {
    own: (Most, Arc<Counts>),
    all: (Most, Arc<Counts>),
}

impl Gate {
    /// The gate of a listener with these limits.
    pub(crate) fn new(own: Most, cx: &NodeContext) -> Self {
        Gate { own: (own, Arc::default()), all: (Most::of_runtime(cx), Arc::clone(&OF_ALL)) }
    }

    /// Lets a client in, who counts until the tickets are dropped.
    ///
    /// # Errors
    /// Which limit is reached.
    pub(crate) fn enter(&self, address: IpAddr) -> Result<Tickets, Refusal> {
        if self.own.0 == Most::default() && self.all.0 == Most::default() {
            return Ok(Tickets::default());
        }
        let enter = |(most, counts): &(Most, Arc<Counts>), of| {
            counts.enter(*most, address).map_err(|kind| Refusal::new(kind, reason(kind, of)))
        };
        let tickets = [enter(&self.own, "the listener")?, enter(&self.all, "the runtime")?];
        Ok(Tickets(Some(Box::new(tickets))))
    }
}

fn reason(kind: Kind, of: &str) -> String {
    match kind {
        Kind::Address => format!("too many connections from this address to {of}"),
        Kind::Rate => format!("too many handshakes a second for {of}"),
        _ => format!("too many connections to {of}"),
    }
}

#[derive(Debug, Default)]
struct Counts(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    connections: usize,
    /// Of networks that have any, while their number is limited.
    by_address: HashMap<IpAddr, usize>,
    bucket: Option<Bucket>,
}

impl Counts {
    fn enter(self: &Arc<Self>, most: Most, address: IpAddr) -> Result<Ticket, Kind> {
        if most == Most::default() {
            return Ok(Ticket(None));
        }
        let mut counted = self.lock();
        if most.connections.is_some_and(|most| counted.connections >= most) {
            return Err(Kind::Connections);
        }
        let address = most.per_address.map(|_| client_network(address));
        let of_address = address.and_then(|address| counted.by_address.get(&address));
        if most.per_address.is_some_and(|most| of_address.is_some_and(|count| *count >= most)) {
            return Err(Kind::Address);
        }
        if let Some(rate) = most.handshakes_a_second {
            let (bucket, now) = (counted.bucket.get_or_insert_with(Bucket::full), Instant::now());
            if !bucket.early(now).is_zero() {
                return Err(Kind::Rate);
            }
            bucket.take(1.0, rate as f64, now);
        }
        counted.connections += 1;
        if let Some(address) = address {
            *counted.by_address.entry(address).or_default() += 1;
        }
        Ok(Ticket(Some((Arc::clone(self), address))))
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.locked()
    }
}

/// What counts a client; small where nothing is limited.
#[derive(Debug, Default)]
pub(crate) struct Tickets(#[expect(dead_code, reason = "held")] Option<Box<[Ticket; 2]>>);

/// A client that is counted, from its handshake to the end of its connection.
#[derive(Debug)]
struct Ticket(Option<(Arc<Counts>, Option<IpAddr>)>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some((counts, address)) = &self.0 else { return };
        let mut counted = counts.lock();
        counted.connections -= 1;
        if let Some(address) = address
            && let Some(count) = counted.by_address.get_mut(address)
        {
            *count -= 1;
            if *count == 0 {
                counted.by_address.remove(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn most(connections: usize, per_address: usize, rate: usize) -> Most {
        let some = |count| (count > 0).then_some(count);
        Most {
            connections: some(connections),
            per_address: some(per_address),
            handshakes_a_second: some(rate),
        }
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_has_ended() {
        let counts = Arc::<Counts>::default();
        let enter = || counts.enter(most(2, 0, 0), address("192.0.2.1"));
        let (first, _second) = (enter().unwrap(), enter().unwrap());
        assert_eq!(enter().unwrap_err(), Kind::Connections);
        drop(first);
        enter().unwrap();
    }

    #[test]
    fn addresses_are_counted_by_network_and_forgotten() {
        let counts = Arc::<Counts>::default();
        let enter = |text| counts.enter(most(0, 1, 0), address(text));
        let first = enter("2001:db8::1").unwrap();
        assert_eq!(enter("2001:db8::2").unwrap_err(), Kind::Address);
        let others = [enter("2001:db8:0:1::1").unwrap(), enter("192.0.2.1").unwrap()];
        assert_eq!(enter("::ffff:192.0.2.1").unwrap_err(), Kind::Address);
        drop((first, others));
        assert!(counts.lock().by_address.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_may_have_so_many_handshakes() {
        let counts = Arc::<Counts>::default();
        let tries =
            || (0..100).filter(|_| counts.enter(most(0, 0, 5), address("::1")).is_ok()).count();
        assert_eq!(tries(), 5);
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(tries(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(tries(), 5);
    }

    proptest! {
        #[test]
        fn counts_follow_the_tickets(steps in proptest::collection::vec((0_u8..4, any::<bool>()), 0..60)) {
            let counts = Arc::<Counts>::default();
            let mut tickets = Vec::new();
            for (host, enters) in steps {
                let from = address(&format!("192.0.2.{host}"));
                let of_host = tickets.iter().filter(|(at, _)| *at == host).count();
                if enters {
                    let entered = counts.enter(most(8, 3, 0), from);
                    prop_assert_eq!(entered.is_ok(), tickets.len() < 8 && of_host < 3);
                    tickets.extend(entered.ok().map(|ticket| (host, ticket)));
                } else if !tickets.is_empty() {
                    tickets.remove(usize::from(host) % tickets.len());
                }
                prop_assert_eq!(counts.lock().connections, tickets.len());
            }
        }
    }
}

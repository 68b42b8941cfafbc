//! `Throttle`: limits how often a login or token may be tried, by the client's address and the user name.
//!
//! Each attempt to log in adds to the debt of three keys, which decreases by a second each second:
//! - the address with the name: five attempts in ten minutes;
//! - the address: twenty attempts, whatever the names are;
//! - the name: after a hundred attempts from all addresses, each address has only one. So many addresses
//!   together try few passwords, and still cannot lock the user out of an address of its own.
//!
//! Tokens have no names, and are too long to be guessed: only failures count, sixty for an address in ten
//! minutes.
//!
//! The debts are kept in a count-min sketch: a fixed number of cells, where a key has one in each row,
//! and its debt is that of the lowest. Nothing is ever evicted, so an attacker cannot have a debt
//! forgotten by trying other names or addresses. Keys that share all of their cells share their debt:
//! one key in two hundred after 20,000 attempts in ten minutes, one in three after 100,000.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;

use ferrowire_core::MutexExt as _;

use tokio::time::Instant;

/// The highest debt in seconds, and so the time after which an attempt no longer counts.
const WINDOW: u32 = 10 * 60;

/// What an attempt adds to the debt of its address with its name.
const OF_PAIR: u32 = WINDOW / 5;

/// What an attempt adds to the debt of its address.
const OF_ADDRESS: u32 = WINDOW / 20;

/// What an attempt adds to the debt of its name.
const OF_NAME: u32 = WINDOW / 100;

/// What a failed token adds to the debt of its address.
const OF_TOKEN: u32 = WINDOW / 60;

const ROWS: usize = 4;

/// The cells of a row: as many as 16 bits of a hash tell apart.
const CELLS: usize = 1 << 16;

/// The address that stands for a client in limits: with IPv6, a machine can choose the last 64 bits of
/// its address.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        address => address,
    }
}

/// Limits attempts to log in. It takes 1 MiB of memory at most.
#[derive(Debug)]
pub struct Throttle {
    begun: Instant,
    /// Random, so that nobody can find keys that share cells.
    hasher: RandomState,
    /// For each cell, the second since `begun` at which its debt is paid.
    paid_at: Mutex<Vec<u32>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle {
            begun: Instant::now(),
            hasher: RandomState::new(),
            paid_at: Mutex::new(vec![0; ROWS * CELLS]),
        }
    }
}

/// What is limited. An address is that of a machine or, with IPv6, of its network.
#[derive(Hash)]
enum Key<'a> {
    Pair(IpAddr, &'a str),
    Address(IpAddr),
    Name(&'a str),
    Tokens(IpAddr),
}

impl Throttle {
    /// Counts an attempt of `client` to log in as `user`, and returns whether it is allowed. Refused
    /// attempts do not count.
    pub fn try_for(&self, client: IpAddr, user: &str) -> bool {
        let client = client_network(client);
        let mut debts = self.debts();
        let mut of_pair = OF_PAIR;
        if !debts.allow(&Key::Name(user), OF_NAME) {
            of_pair = WINDOW;
        }
        let pair = Key::Pair(client, user);
        if !debts.allow(&pair, of_pair) || !debts.allow(&Key::Address(client), OF_ADDRESS) {
            return false;
        }
        debts.add(&pair, of_pair);
        debts.add(&Key::Address(client), OF_ADDRESS);
        debts.add(&Key::Name(user), OF_NAME);
        true
    }

    /// Takes back the last attempt of `client`, which was a login as `user`, and forgets its failed
    /// ones with this name.
    pub fn succeeded(&self, client: IpAddr, user: &str) {
        let client = client_network(client);
        let mut debts = self.debts();
        let pair = Key::Pair(client, user);
        let owed = debts.of(&pair);
        debts.remove(&pair, owed);
        debts.remove(&Key::Address(client), OF_ADDRESS);
        debts.remove(&Key::Name(user), OF_NAME);
    }

    /// Whether `client` may try a token. Attempts do not count by themselves.
    pub fn may_try_token(&self, client: IpAddr) -> bool {
        self.debts().allow(&Key::Tokens(client_network(client)), OF_TOKEN)
    }

    /// Counts a token of `client` that was not accepted.
    pub fn token_failed(&self, client: IpAddr) {
        self.debts().add(&Key::Tokens(client_network(client)), OF_TOKEN);
    }

    fn debts(&self) -> Debts<'_> {
        // A runtime runs for less than the 136 years that this counts.
        let now = u32::try_from(self.begun.elapsed().as_secs()).unwrap_or(u32::MAX - WINDOW);
        let paid_at = self.paid_at.locked();
        Debts { hasher: &self.hasher, paid_at, now }
    }
}

/// The sketch at this moment.
struct Debts<'a> {
    hasher: &'a RandomState,
    paid_at: std::sync::MutexGuard<'a, Vec<u32>>,
    now: u32,
}

impl Debts<'_> {
    fn cells(&self, key: &Key<'_>) -> [usize; ROWS] {
        let hash = self.hasher.hash_one(key).to_le_bytes();
        std::array::from_fn(|row| {
            let in_row = u16::from_le_bytes([hash[2 * row], hash[2 * row + 1]]);
            row * CELLS + usize::from(in_row)
        })
    }

    fn of(&self, key: &Key<'_>) -> u32 {
        let owed = self.cells(key).map(|cell| self.paid_at[cell].saturating_sub(self.now));
        owed.into_iter().min().unwrap_or_default()
    }

    fn allow(&self, key: &Key<'_>, cost: u32) -> bool {
        self.of(key) + cost <= WINDOW
    }

    fn add(&mut self, key: &Key<'_>, cost: u32) {
        for cell in self.cells(key) {
            let owed = self.paid_at[cell].saturating_sub(self.now) + cost;
            self.paid_at[cell] = self.now + owed.min(WINDOW);
        }
    }

    fn remove(&mut self, key: &Key<'_>, debt: u32) {
        for cell in self.cells(key) {
            self.paid_at[cell] = self.paid_at[cell].saturating_sub(debt);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    /// How many attempts in a row are allowed.
    fn allowed(throttle: &Throttle, client: IpAddr, user: &str) -> usize {
        (0..1000).take_while(|_| throttle.try_for(client, user)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn the_sixth_attempt_in_a_row_is_refused() {
        let throttle = Throttle::default();
        assert_eq!(allowed(&throttle, address(1), "eve"), 5);
        assert_eq!(allowed(&throttle, address(1), "adam"), 5, "another name");
        assert_eq!(allowed(&throttle, address(2), "eve"), 5, "another address");
        tokio::time::advance(Duration::from_secs(WINDOW.into())).await;
        assert_eq!(allowed(&throttle, address(1), "eve"), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_resets_the_attempts_with_its_name_only() {
        let throttle = Throttle::default();
        assert_eq!(allowed(&throttle, address(1), "adam"), 5);
        for _ in 0..100 {
            assert!(throttle.try_for(address(1), "eve"));
            throttle.succeeded(address(1), "eve");
        }
        assert!(!throttle.try_for(address(1), "adam"));
        assert_eq!(allowed(&throttle, address(1), "eve"), 5);
        throttle.succeeded(address(1), "eve");
        assert_eq!(allowed(&throttle, address(1), "eve"), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn other_names_do_not_have_the_attempts_forgotten() {
        let throttle = Throttle::default();
        assert_eq!(allowed(&throttle, address(1), "admin"), 5);
        let junk = (0..20_000).filter(|n| throttle.try_for(address(1), &n.to_string())).count();
        assert_eq!(junk, 15, "an address has twenty attempts");
        for client in 2..20_000 {
            throttle.try_for(address(client), "junk");
        }
        assert!(!throttle.try_for(address(1), "admin"));
        // By chance, one in two hundred shares all of its cells with others.
        let new = 20_001..20_101;
        let free = new.filter(|client| throttle.try_for(address(*client), "admin")).count();
        assert!(free >= 90, "{free} of 100 new addresses have an attempt");
    }

    #[tokio::test(start_paused = true)]
    async fn many_addresses_try_little_and_do_not_lock_the_user_out() {
        let throttle = Throttle::default();
        let tries = |clients: std::ops::Range<u32>| -> usize {
            clients.map(|client| allowed(&throttle, address(client), "admin")).sum()
        };
        assert_eq!(tries(0..20), 100);
        assert_eq!(tries(20..1000), 980, "one for each further address");
        assert_eq!(allowed(&throttle, address(5000), "admin"), 1, "the user");
        throttle.succeeded(address(5000), "admin");
        assert_eq!(allowed(&throttle, address(5000), "admin"), 1);
        assert_eq!(allowed(&throttle, address(5001), "eve"), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn only_failed_tokens_count() {
        let throttle = Throttle::default();
        assert_eq!((0..1000).filter(|_| throttle.may_try_token(address(1))).count(), 1000);
        let tries = (0..1000).take_while(|_| {
            let may = throttle.may_try_token(address(1));
            throttle.token_failed(address(1));
            may
        });
        assert_eq!(tries.count(), 60);
        assert!(throttle.may_try_token(address(2)) && throttle.try_for(address(1), "eve"));
        tokio::time::advance(Duration::from_secs(OF_TOKEN.into())).await;
        assert!(throttle.may_try_token(address(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ipv6_network_is_one_address_and_a_mapped_address_is_that_of_ipv4() {
        let throttle = Throttle::default();
        let in_network = |text: &str| allowed(&throttle, text.parse().unwrap(), "eve");
        assert_eq!(in_network("2001:db8::1"), 5);
        assert_eq!(in_network("2001:db8::2:1"), 0);
        assert_eq!(in_network("2001:db8:0:1::1"), 5);
        assert_eq!(in_network("192.0.2.1"), 5);
        assert_eq!(in_network("::ffff:192.0.2.1"), 0);
    }
}

//! `TrustedProxies`: the client's address behind proxies, by `X-Forwarded-For` or `Forwarded` (RFC 7239).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose headers are believed. By default none is: any client can send the headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// A text that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected addresses such as `127.0.0.1`, or networks such as `10.0.0.0/8`, not `{0}`")]
pub struct InvalidProxy(String);

impl TrustedProxies {
    /// Reads addresses and networks.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse(texts: &[String]) -> Result<Self, InvalidProxy> {
        let network = |text: &String| {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| InvalidProxy(text.clone()))
        };
        Ok(TrustedProxies(texts.iter().map(network).collect::<Result<_, _>>()?))
    }

    /// The client of a request that came from `peer`: the last address in the headers that is not that
    /// of a trusted proxy, with port 0 unless the header has one.
    ///
    /// Proxies append to one of the headers and pass the other one on as the client sent it. If both are
    /// there and differ, neither is believed.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trusts(peer.ip()) {
            return peer;
        }
        let ours = self.walk(peer, elements(headers, &X_FORWARDED_FOR).map(Some));
        let standard = self.walk(peer, elements(headers, &FORWARDED).map(for_parameter));
        match (headers.contains_key(X_FORWARDED_FOR), headers.contains_key(FORWARDED)) {
            (true, false) => ours,
            (false, true) => standard,
            _ if ours == standard => ours,
            _ => peer,
        }
    }

    /// Follows the addresses from the last to the first, as long as they are those of proxies.
    fn walk<'a>(
        &self,
        peer: SocketAddr,
        mut hops: impl DoubleEndedIterator<Item = Option<&'a str>>,
    ) -> SocketAddr {
        let mut client = peer;
        while self.trusts(client.ip())
            && let Some(hop) = hops.next_back().flatten().and_then(address)
        {
            client = hop;
        }
        client
    }

    /// Whether the address is that of a proxy.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The comma-separated elements of a header, which may be repeated.
fn elements<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl DoubleEndedIterator<Item = &'a str> {
    // A header that is not text ends the walk: it has one element that is no address.
    let lines = headers.get_all(name).into_iter().map(|line| line.to_str().unwrap_or("?"));
    lines.flat_map(|line| line.split(','))
}

/// The value of `for=` in an element of `Forwarded`.
fn for_parameter(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// An address, with or without a port; one of IPv6 may be in brackets.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let without_port = bare.parse().ok().map(|address: IpAddr| SocketAddr::new(address, 0));
    without_port.or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let trusted = ["10.0.0.0/8", "::1"].map(str::to_owned);
        let trusted = TrustedProxies::parse(&trusted).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn only_proxies_name_the_client() {
        let header = [("x-forwarded-for", "192.0.2.1")];
        assert_eq!(client("198.51.100.1:5", &header), "198.51.100.1:5");
        assert_eq!(client("10.0.0.1:5", &header), "192.0.2.1:0");
        assert_eq!(client("[::ffff:10.0.0.1]:5", &header), "192.0.2.1:0");
        assert_eq!(client("10.0.0.1:5", &[]), "10.0.0.1:5");
    }

    #[test]
    fn what_the_client_itself_sent_is_not_believed() {
        let spoofed =
            [("x-forwarded-for", "127.0.0.1, 192.0.2.1"), ("x-forwarded-for", "10.9.9.9")];
        assert_eq!(client("[::1]:5", &spoofed), "192.0.2.1:0");
        let unknown = [("x-forwarded-for", "127.0.0.1, unknown, 10.9.9.9")];
        assert_eq!(client("[::1]:5", &unknown), "10.9.9.9:0");
        let both = [("forwarded", "for=127.0.0.1"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(client("[::1]:5", &both), "[::1]:5");
        let agree = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(client("[::1]:5", &agree), "192.0.2.1:0");
    }

    #[test]
    fn both_headers_are_read_in_all_forms() {
        for (value, expected) in [
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ] {
            assert_eq!(client("[::1]:5", &[("x-forwarded-for", value)]), expected);
        }
        for (value, expected) in [
            ("for=192.0.2.1", "192.0.2.1:0"),
            ("proto=https;For=\"[2001:db8::1]:80\";by=10.0.0.1", "[2001:db8::1]:80"),
            ("for=192.0.2.1, for=10.0.0.2", "192.0.2.1:0"),
            ("for=_hidden", "[::1]:5"),
        ] {
            assert_eq!(client("[::1]:5", &[("forwarded", value)]), expected);
        }
    }

    #[test]
    fn a_text_that_is_no_address_is_refused() {
        let refused = TrustedProxies::parse(&["10.0.0.0/33".to_owned()]).unwrap_err();
        assert!(refused.to_string().contains("`10.0.0.0/33`"), "{refused}");
    }
}

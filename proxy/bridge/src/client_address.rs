//! Who a request is from, where trusted proxies stand in between.

use std::net::{IpAddr, Ipv6Addr};

/// The client's address: the connection's own, unless that is a trusted proxy's; then the last one
/// of `X-Forwarded-For` that is not. What stands before it anybody may have written.
pub fn client_address<'f>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'f [u8]>,
    trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut client = peer.to_canonical();
    for field in forwarded_for.rev() {
        for entry in field.rsplit(|byte| *byte == b',') {
            if !trusted(client) {
                return client;
            }
            // A proxy that does not know an address says `unknown`: then its own has to do.
            let Some(address) = read(entry.trim_ascii()) else {
                return client;
            };
            client = address;
        }
    }
    client
}

/// The addresses of `X-Forwarded-For`, the client's first. Behind an entry that is no address nobody
/// knows who came before: it goes, and with it what stands before it.
pub fn forwarded_for<'f>(fields: impl DoubleEndedIterator<Item = &'f [u8]>) -> Vec<IpAddr> {
    let entries = fields
        .rev()
        .flat_map(|field| field.rsplit(|byte| *byte == b','));
    let mut addresses: Vec<IpAddr> = entries
        .map_while(|entry| read(entry.trim_ascii()))
        .collect();
    addresses.reverse();
    addresses
}

/// An address as proxies write it: bare, or with a port.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok().or_else(|| {
        let with_port: std::net::SocketAddr = text.parse().ok()?;
        Some(with_port.ip())
    });
    address.map(|address: IpAddr| address.to_canonical())
}

/// What counts as one client: an IPv4 address, or a whole IPv6 network of 64 bits, of which a
/// single customer has all addresses.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded_for: &[&str]) -> String {
        let trusted = |address: IpAddr| address.to_string().starts_with("10.");
        let fields = forwarded_for.iter().map(|field| field.as_bytes());
        client_address(peer.parse().unwrap(), fields, trusted).to_string()
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_clients() {
        for (peer, forwarded_for, expected) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            (
                "10.0.0.1",
                &["6.6.6.6", "198.51.100.1, 10.0.0.2"],
                "198.51.100.1",
            ),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ] {
            assert_eq!(
                client(peer, forwarded_for),
                expected,
                "{peer} {forwarded_for:?}"
            );
        }
    }

    #[test]
    fn only_addresses_behind_everything_else_are_listed() {
        for (fields, expected) in [
            (&[][..], ""),
            (&["198.51.100.1"], "198.51.100.1"),
            (
                &["198.51.100.1, 10.0.0.1", "10.0.0.2"],
                "198.51.100.1 10.0.0.1 10.0.0.2",
            ),
            (
                &["[2001:db8::1]:4711,198.51.100.1:80"],
                "2001:db8::1 198.51.100.1",
            ),
            (&["6.6.6.6, unknown, 10.0.0.1"], "10.0.0.1"),
            (&["6.6.6.6", "_hidden", "10.0.0.1"], "10.0.0.1"),
            (&["6.6.6.6, <script>"], ""),
            (&["6.6.6.6,, 10.0.0.1"], "10.0.0.1"),
            (&["6.6.6.6", "", "10.0.0.1"], "10.0.0.1"),
            (&["for=6.6.6.6, 10.0.0.1;proto=http"], ""),
        ] {
            let bytes = fields.iter().map(|field| field.as_bytes());
            let listed = forwarded_for(bytes)
                .iter()
                .map(IpAddr::to_string)
                .collect::<Vec<_>>();
            assert_eq!(listed.join(" "), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_customer_with_many_addresses_is_one_client() {
        for (address, expected) in [
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("198.51.100.1", "198.51.100.1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
        ] {
            let network = client_network(address.parse().unwrap());
            assert_eq!(network.to_string(), expected);
        }
    }
}

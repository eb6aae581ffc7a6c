//! Who is listened to and who is believed: `listen`, `admin`, `forward_auth`, `trusted_proxies`,
//! `identity_headers`.

use std::net::SocketAddr;

use http::HeaderName;
use ipnet::IpNet;

use crate::limits::Limits;
use crate::listen::{ForwardAuth, Hsts, Listener, ListenerKind};
use crate::public_url::PublicUrl;
use crate::reading::place::At;
use crate::reading::section::{Item, Section};
use crate::reading::{address, scalar, tree};
use crate::settings::{limits, tls};

/// What these keys say.
pub(crate) struct Network {
    pub(crate) listen: Vec<Listener>,
    pub(crate) admin: SocketAddr,
    pub(crate) forward_auth: Option<ForwardAuth>,
    pub(crate) hsts: Hsts,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) identity_headers: Vec<HeaderName>,
}

/// Addresses in use so far, each with the key that took it.
type Taken<'r> = Vec<(SocketAddr, At<'r>)>;

/// Reads these keys; all of them have defaults.
pub(crate) fn read(root: &Section<'_>, public_url: Option<&PublicUrl>, limits: Limits) -> Network {
    let mut taken = Taken::new();
    let listen = read_listen(root, public_url, limits, &mut taken);
    let admin = read_admin(root, &mut taken);
    Network {
        listen,
        admin,
        forward_auth: read_forward_auth(root, &mut taken),
        hsts: tls::read_hsts(root),
        trusted_proxies: read_trusted(root),
        identity_headers: root
            .list("identity_headers")
            .iter()
            .filter_map(|item| item.value(scalar::header_name))
            .collect(),
    }
}

fn read_admin<'r>(root: &Section<'r>, taken: &mut Taken<'r>) -> SocketAddr {
    let default = SocketAddr::from(([127, 0, 0, 1], 9901));
    let (address, at) = match root.get("admin") {
        Some(item) => (item.value(address::socket), item.at),
        None => (Some(default), key_at(root, "admin")),
    };
    if let Some(address) = address {
        take(taken, address, at);
    }
    address.unwrap_or(default)
}

fn key_at<'r>(section: &Section<'r>, key: &str) -> At<'r> {
    At {
        key: tree::join(&section.at.key, key),
        line: None,
        ..section.at.clone()
    }
}

/// Two listeners on one port: the second would share the first one's connections (SO_REUSEPORT).
fn take<'r>(taken: &mut Taken<'r>, address: SocketAddr, at: At<'r>) {
    let meets = |other: &SocketAddr| {
        let same = other.ip() == address.ip()
            || other.ip().is_unspecified()
            || address.ip().is_unspecified();
        other.port() != 0 && other.port() == address.port() && same
    };
    if let Some((_, other)) = taken.iter().find(|(other, _)| meets(other)) {
        at.error(
            format!("`{address}` is taken by {}", other.key),
            "give each listener a port of its own",
        );
    }
    taken.push((address, at));
}

fn read_listen<'r>(
    root: &Section<'r>,
    public_url: Option<&PublicUrl>,
    limits: Limits,
    taken: &mut Taken<'r>,
) -> Vec<Listener> {
    let plain = |address| Listener {
        address,
        kind: ListenerKind::Plain,
        limits,
    };
    let Some(item) = root.get("listen") else {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        take(taken, address, key_at(root, "listen"));
        return vec![plain(address)];
    };
    if item.is_empty_list() {
        item.at.error(
            "is an empty list",
            "write an address, such as 127.0.0.1:8080",
        );
    }
    let items = item.one_or_list();
    let mut listeners = Vec::new();
    for item in items {
        let at = item.at.clone();
        let listener = match item.is_mapping() {
            true => item
                .section()
                .and_then(|section| read_listener(&section, public_url, limits)),
            false => item.value(address::socket).map(plain),
        };
        if let Some(listener) = listener {
            take(taken, listener.address, at);
            listeners.push(listener);
        }
    }
    listeners
}

fn read_listener(
    section: &Section<'_>,
    public_url: Option<&PublicUrl>,
    limits: Limits,
) -> Option<Listener> {
    let address = section
        .require("address", "add `address: 0.0.0.0:443`")
        .and_then(|item| item.value(address::socket));
    let redirect = section.get("redirect_to_https");
    let redirects = redirect
        .as_ref()
        .and_then(|item| item.value(scalar::boolean))
        .unwrap_or(false);
    let tls = section.section("tls").map(|tls| tls::read(&tls));
    let own_limits = section.section("limits");
    if let Some(item) = redirect.filter(|_| redirects) {
        if tls.is_some() {
            item.at.error(
                "stands beside tls",
                "keep one of the two: a redirect is for plain http",
            );
        }
        if public_url.is_some_and(|public| !public.secure) {
            item.at.error(
                "leads to a public_url that is plain http",
                "write an https public_url, or remove the redirect",
            );
        }
    }
    let kind = match (tls, redirects) {
        (Some(certificates), _) => ListenerKind::Tls {
            certificates: certificates?,
        },
        (None, true) => ListenerKind::RedirectToHttps,
        (None, false) => ListenerKind::Plain,
    };
    Some(Listener {
        address: address?,
        kind,
        limits: own_limits.map_or(limits, |own| limits::read_connection(&own, limits)),
    })
}

fn read_forward_auth<'r>(root: &Section<'r>, taken: &mut Taken<'r>) -> Option<ForwardAuth> {
    let section = root.section("forward_auth")?;
    let listen = section.get("listen");
    let address = listen.as_ref().and_then(|item| item.value(address::socket));
    let mut clients = Vec::new();
    for item in section.list("clients") {
        let Some(network) = item.value(address::network) else {
            continue;
        };
        if is_vast(&network) {
            item.at.error(
                format!(
                    "`{}` lets strangers ask, who are answered with users' tokens",
                    item.written()
                ),
                "name the addresses of your proxies alone, such as 10.0.0.5",
            );
        }
        clients.push(network);
    }
    let Some(listen) = listen else {
        if !clients.is_empty() {
            section.at.error(
                "has clients but no listen",
                "add `listen: ADDRESS:PORT`, a listener of its own",
            );
        }
        return None;
    };
    if clients.is_empty() {
        section.at.error(
            "names no clients",
            "add `clients: [10.0.0.5]`: the proxies that may ask",
        );
    }
    let address = address?;
    take(taken, address, listen.at);
    Some(ForwardAuth {
        listen: address,
        clients,
    })
}

fn read_trusted(root: &Section<'_>) -> Vec<IpNet> {
    let all = root.value_or("dangerously_trust_all_proxies", scalar::boolean, false);
    let mut networks = Vec::new();
    for item in root.list("trusted_proxies") {
        let Some(network) = item.value(address::network) else {
            continue;
        };
        if is_vast(&network) {
            trust_everybody(&item, &network, all);
        }
        networks.push(network);
    }
    networks
}

/// Whether strangers are in a network: it is everybody, or a large part of the Internet.
fn is_vast(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => match network.addr().to_ipv4_mapped() {
            Some(_) => network.prefix_len() < 96 + 8,
            // fc00::/7 are the addresses of private networks (RFC 4193).
            None => network.prefix_len() < 7,
        },
    }
}

fn trust_everybody(item: &Item<'_>, network: &IpNet, allowed: bool) {
    let whom = match network.prefix_len() {
        0 => "everybody: any client",
        _ => "a large part of the Internet: any client there",
    };
    let problem = format!("`{}` believes {whom} may claim any address", item.written());
    match allowed {
        true => item.at.warn(
            problem,
            "name your proxies' networks and remove dangerously_trust_all_proxies",
        ),
        false => item.at.error(
            problem,
            "name your proxies' networks alone, such as 10.0.0.0/8",
        ),
    }
}

//! The listening sockets. Each proxy service has one for each address: they share their ports
//! (SO_REUSEPORT), and the kernel deals connections out among them.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::upgrade::{Handover, Use};

/// How many connections may wait to be accepted; the kernel's own bound is
/// `net.core.somaxconn`.
pub(super) const BACKLOG: i32 = 65_535;

/// A public listener's number in the configuration, and a socket of it.
type Numbered = (usize, Socket);

/// The sockets of the public listeners: for each address at least one for each proxy service.
pub(crate) struct Sockets {
    services: Vec<Vec<Numbered>>,
}

impl Sockets {
    /// Binds them, unless they were inherited. A second gateway could bind the same ports and would
    /// take half of the connections, so each other address must be free first. An inherited socket
    /// that nobody accepted from would keep its share of the connections waiting for ever, so all of
    /// them are dealt out, however many there are.
    ///
    /// # Errors
    /// The first address that cannot be had.
    pub(super) fn open(
        addresses: impl Iterator<Item = SocketAddr>,
        services: usize,
        handover: &mut Handover,
    ) -> Result<Self, String> {
        let mut opened: Vec<Vec<Numbered>> = (0..services).map(|_| Vec::new()).collect();
        for (listener, address) in addresses.enumerate() {
            let mut sockets = handover.inherit(Use::Public, address);
            if sockets.is_empty() {
                bind(address).map(drop)?;
            }
            while sockets.len() < services {
                sockets.push(shared(address).map_err(|error| cannot_listen(address, &error))?);
            }
            for (service, socket) in (0..services).cycle().zip(sockets) {
                handover.offer(Use::Public, &socket)?;
                if let Some(service) = opened.get_mut(service) {
                    service.push((listener, socket));
                }
            }
        }
        Ok(Self { services: opened })
    }

    /// Each proxy service's sockets.
    pub(super) fn into_services(self) -> Vec<Vec<Numbered>> {
        self.services
    }
}

/// Listens on an address that nobody else listens on.
///
/// # Errors
/// It cannot be listened on.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| cannot_listen(address, &error))
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> String {
    format!("cannot listen on {address}: {error}")
}

/// A socket that others of this user may share the address with.
fn shared(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_share_an_address_that_nobody_else_has() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let refused = Sockets::open([address].into_iter(), 3, &mut Handover::default())
            .err()
            .unwrap();
        assert!(refused.contains(&address.to_string()), "{refused}");
        drop(taken);
        let services = Sockets::open([address].into_iter(), 3, &mut Handover::default()).unwrap();
        let services = services.into_services();
        assert_eq!(services.len(), 3);
        for sockets in &services {
            let [(0, socket)] = sockets.as_slice() else {
                panic!("one for each address");
            };
            socket.listen(BACKLOG).unwrap();
            let local = socket.local_addr().unwrap();
            assert_eq!(local.as_socket(), Some(address));
        }
        assert!(bind(address).is_err());
    }
}

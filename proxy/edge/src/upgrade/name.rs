//! What a listening socket is for.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{Protocol, Socket, Type};

/// Who listens on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// A public listener.
    Public,
    /// The admin listener.
    Admin,
    /// The listener for questions of other proxies.
    ForwardAuth,
}

const WORDS: [(&str, Use); 3] = [
    ("public", Use::Public),
    ("admin", Use::Admin),
    ("forward_auth", Use::ForwardAuth),
];

/// What a listening socket is for, and where it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) used: Use,
    pub(super) address: SocketAddr,
}

impl Name {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (word, address) = text.split_once(' ')?;
        let (_, used) = WORDS.iter().find(|(name, _)| *name == word)?;
        Some(Self {
            used: *used,
            address: address.parse().ok()?,
        })
    }

    /// The socket that came under this name.
    ///
    /// # Errors
    /// What it is not: it could not be served.
    pub(super) fn check(&self, descriptor: OwnedFd) -> Result<Socket, String> {
        let socket = Socket::from(descriptor);
        let is_ours = || {
            let local = socket.local_addr()?.as_socket();
            let stream = socket.r#type()? == Type::STREAM;
            let tcp = stream && socket.protocol()? == Some(Protocol::TCP);
            // One that does not share its port would keep the next service from listening.
            let shares = self.used != Use::Public || socket.reuse_port()?;
            Ok::<_, std::io::Error>(
                local == Some(self.address) && tcp && shares && socket.is_listener()?,
            )
        };
        match is_ours() {
            Ok(true) => Ok(socket),
            Ok(false) => Err(format!("what came as `{self}` is no such socket")),
            Err(error) => Err(format!("what came as `{self}` is no socket: {error}")),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = WORDS.iter().find(|(_, used)| *used == self.used);
        let word = words.map_or("", |(word, _)| word);
        write!(formatter, "{word} {}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    #[test]
    fn a_name_is_read_as_it_was_written_and_nothing_else_is() {
        for text in [
            "public 127.0.0.1:80",
            "admin [::1]:9901",
            "forward_auth [fe80::1%2]:9",
        ] {
            assert_eq!(Name::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "public",
            "public 127.0.0.1",
            "other 127.0.0.1:80",
            "admin /run/x",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_listening_tcp_socket_of_the_named_address_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let admin = Name {
            used: Use::Admin,
            address,
        };
        let public = Name {
            used: Use::Public,
            address,
        };
        let copy = || OwnedFd::from(listener.try_clone().unwrap());
        assert!(admin.check(copy()).is_ok());
        assert!(public.check(copy()).is_err(), "it does not share its port");
        let other = Name {
            address: "127.0.0.2:1".parse().unwrap(),
            ..admin
        };
        assert!(other.check(copy()).is_err());
        let client = TcpStream::connect(address).unwrap();
        let local = client.local_addr().unwrap();
        let connected = Name {
            address: local,
            ..admin
        };
        assert!(connected.check(client.into()).is_err());
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let local = datagrams.local_addr().unwrap();
        let udp = Name {
            address: local,
            ..admin
        };
        assert!(udp.check(datagrams.into()).is_err());
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(admin.check(file.into()).is_err());
    }
}

//! The kinds of requests that are measured.

use bytes::Bytes;

use crate::load::{Ask, Wire};
use crate::stage::Ticket;

/// The body of a POST.
const POSTED: usize = 10 * 1024;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A session whose token is kept ready in the process.
    Warm,
    /// A session that is read from the store for every request.
    Cold,
    /// A route that needs no session.
    Open,
    /// A session route without a session.
    Refused,
    /// A POST of 10 KiB in a session.
    Post,
    /// An answer of 1 MiB, in chunks, in a session.
    Stream,
    /// As warm, 16 KiB over TLS and HTTP/1.1.
    Tls,
    /// As warm, 16 KiB over TLS and HTTP/2.
    TlsHttp2,
}

impl Scenario {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Warm,
        Self::Cold,
        Self::Open,
        Self::Refused,
        Self::Post,
        Self::Stream,
        Self::Tls,
        Self::TlsHttp2,
    ];

    /// Its name in table and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warm => "warm session",
            Self::Cold => "cold session (store asked)",
            Self::Open => "no session needed",
            Self::Refused => "401 without a session",
            Self::Post => "POST 10 KiB",
            Self::Stream => "stream 1 MiB",
            Self::Tls => "TLS HTTP/1.1, 16 KiB",
            Self::TlsHttp2 => "TLS HTTP/2, 16 KiB",
        }
    }

    /// Over what it is sent.
    pub const fn wire(self) -> Wire {
        match self {
            Self::Tls => Wire::Tls,
            Self::TlsHttp2 => Wire::TlsHttp2,
            Self::Warm | Self::Cold | Self::Open | Self::Refused | Self::Post | Self::Stream => {
                Wire::Plain
            }
        }
    }

    /// The request to the gateway. A bare proxy gets the same one.
    pub fn ask(self, tickets: &[Ticket]) -> Ask {
        let (method, path, body) = match self {
            Self::Warm | Self::Cold | Self::Refused => ("GET", "/api/small", Bytes::new()),
            Self::Open => ("GET", "/open/small", Bytes::new()),
            Self::Post => ("POST", "/api/small", Bytes::from(vec![b'x'; POSTED])),
            Self::Stream => ("GET", "/api/stream", Bytes::new()),
            Self::Tls | Self::TlsHttp2 => ("GET", "/api/medium", Bytes::new()),
        };
        let has_session = !matches!(self, Self::Open | Self::Refused);
        let tickets = tickets.iter().filter(|_| has_session);
        Ask {
            method,
            path: path.to_owned(),
            fields: browser_fields(),
            tickets: tickets.map(|ticket| self.ticket(ticket)).collect(),
            body,
            status: if self == Self::Refused { 401 } else { 200 },
        }
    }

    fn ticket(self, ticket: &Ticket) -> Vec<(String, String)> {
        let mut fields = vec![("Cookie".to_owned(), ticket.cookie.clone())];
        if self == Self::Post {
            fields.push(("X-CSRF-Token".to_owned(), ticket.csrf.clone()));
            fields.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        fields
    }
}

/// What a browser sends with a page's fetch.
pub fn browser_fields() -> Vec<(String, String)> {
    [
        (
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        ("Accept", "application/json"),
        ("Accept-Language", "en-GB,en;q=0.5"),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("Sec-Fetch-Dest", "empty"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Site", "same-origin"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

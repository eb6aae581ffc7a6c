//! How the Redis store is configured.

use std::time::Duration;

use tokenbridge_bridge::Secret;

/// Where Redis is and how long it may take. It does not show the URL, which may hold a password.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Where it is: `redis://`, `rediss://`, `redis+unix://`, or several nodes by
    /// `redis+sentinel://` and `redis+cluster://` (both also with `rediss`).
    pub url: Secret,
    /// The certificate authorities that may vouch for the server, in PEM, where they are not those
    /// of the system. Only with an encrypted URL.
    pub root_certificates: Option<Vec<u8>>,
    /// The frontend's name, with which every key begins: letters, digits, `-` and `_`.
    pub frontend: String,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long one answer may take.
    pub response_timeout: Duration,
}

impl RedisOptions {
    /// With the usual timeouts: one second to connect, half a second for an answer.
    pub fn new(url: Secret, frontend: &str) -> Self {
        Self {
            url,
            root_certificates: None,
            frontend: frontend.to_owned(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_millis(500),
        }
    }
}

/// What is wrong with the options. It does not show the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// The scheme is none of ours.
    #[error(
        "the Redis URL must begin with redis://, rediss://, redis+unix://, redis+sentinel:// or redis+cluster://"
    )]
    Scheme,
    /// The rest of it cannot be read.
    #[error("the Redis URL cannot be read; write redis://[user:password@]host[:port][/database]")]
    Form,
    /// Verification of the server is switched off.
    #[error(
        "#insecure switches the verification of the Redis server off; trust its certificate authority instead"
    )]
    Insecure,
    /// Certificate authorities for a connection that is not encrypted.
    #[error("certificate authorities are given, but the Redis URL is not encrypted; write rediss")]
    NotEncrypted,
    /// The certificate authorities cannot be read.
    #[error("the certificate authorities for Redis cannot be read; they must be in PEM")]
    Certificates,
    /// A Sentinel URL without the primary's name.
    #[error(
        "the Redis URL must name the primary: redis+sentinel://host[:port],host[:port]/PRIMARY"
    )]
    NoPrimary,
    /// A cluster URL with a database.
    #[error("a Redis cluster has no databases: leave out what stands behind the hosts")]
    ClusterPath,
    /// The frontend's name has other characters.
    #[error("a frontend's name must be made of letters, digits, - and _")]
    Frontend,
}

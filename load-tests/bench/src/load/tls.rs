//! A client's connection, in the clear or over TLS.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Wire;
use crate::Outcome;
use crate::certificate;

/// A connection's two directions.
pub(super) trait Both: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Both for T {}

/// A connection.
pub(super) type Opened = Box<dyn Both>;

/// Opens a connection to this machine.
///
/// # Errors
/// Nobody listens there, or the handshake fails.
pub(super) async fn open(address: SocketAddr, wire: Wire) -> Outcome<Opened> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    match wire.alpn() {
        None => Ok(Box::new(stream)),
        Some(alpn) => Ok(Box::new(handshake(stream, alpn).await?)),
    }
}

/// The cipher suite that a server chooses.
///
/// # Errors
/// Nobody listens there, or the handshake fails.
pub(super) async fn suite(address: SocketAddr, alpn: &[u8]) -> Outcome<String> {
    let stream = handshake(TcpStream::connect(address).await?, alpn).await?;
    let suite = stream.get_ref().1.negotiated_cipher_suite();
    Ok(format!("{:?}", suite.ok_or("no cipher suite")?.suite()))
}

async fn handshake(stream: TcpStream, alpn: &[u8]) -> Outcome<TlsStream<TcpStream>> {
    let address = stream.peer_addr()?;
    let mut config = config()?;
    config.alpn_protocols = vec![alpn.to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost")?;
    let stream = connector.connect(name, stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(alpn) {
        return Err(format!("{address} does not speak {}", String::from_utf8_lossy(alpn)).into());
    }
    Ok(stream)
}

/// Trusts the certificate of this run alone.
fn config() -> Outcome<ClientConfig> {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let made = ClientConfig::builder()
        .with_root_certificates(certificate::roots()?)
        .with_no_client_auth();
    Ok(CONFIG.get_or_init(|| made).clone())
}

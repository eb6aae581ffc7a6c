//! The run's provider over TLS, for gateways that take its endpoints by https alone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Outcome;

/// Passes everything on to `inner`, with the run's certificate from `folder`; where it listens.
/// It ends with the runtime that it is started on.
///
/// # Errors
/// There is no certificate, or no port.
pub async fn start(folder: &Path, inner: SocketAddr) -> Outcome<SocketAddr> {
    let chain = CertificateDer::from_pem_file(folder.join("certificate.pem"))?;
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass(acceptor.clone(), stream, inner));
        }
    });
    Ok(address)
}

/// What breaks here is told by whoever asked.
async fn pass(acceptor: TlsAcceptor, stream: TcpStream, inner: SocketAddr) {
    let (Ok(mut outer), Ok(mut inner)) = (
        acceptor.accept(stream).await,
        TcpStream::connect(inner).await,
    ) else {
        return;
    };
    let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
}

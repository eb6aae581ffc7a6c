//! The certificate of this run: for localhost, its key in a folder that ends with the run.

use std::path::Path;
use std::sync::OnceLock;

use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::Outcome;

/// The file with certificate and key.
pub const BOTH: &str = "both.pem";

static ISSUED: OnceLock<CertificateDer<'static>> = OnceLock::new();

/// Makes the certificate and writes certificate.pem, key.pem and both of them as [`BOTH`] to a folder.
///
/// # Errors
/// The files cannot be written.
pub fn write(folder: &Path) -> Outcome<()> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    let (chain, secret) = (certificate.pem(), key.serialize_pem());
    std::fs::write(folder.join(BOTH), format!("{chain}{secret}"))?;
    std::fs::write(folder.join("certificate.pem"), chain)?;
    std::fs::write(folder.join("key.pem"), secret)?;
    ISSUED.get_or_init(|| certificate.der().clone());
    Ok(())
}

/// The one root that clients of this run trust.
///
/// # Errors
/// [`write`] was not called.
pub fn roots() -> Outcome<RootCertStore> {
    let issued = ISSUED.get().ok_or("there is no certificate yet")?;
    let mut roots = RootCertStore::empty();
    roots.add(issued.clone())?;
    Ok(roots)
}

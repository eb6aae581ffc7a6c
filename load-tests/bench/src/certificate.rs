//! The certificate of this run: for localhost, its key in a folder that ends with the run.

use std::path::Path;
use std::sync::OnceLock;

use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::Outcome;

static ISSUED: OnceLock<CertificateDer<'static>> = OnceLock::new();

/// Makes the certificate and writes certificate.pem and key.pem to a folder.
///
/// # Errors
/// The files cannot be written.
pub fn write(folder: &Path) -> Outcome<()> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    std::fs::write(folder.join("certificate.pem"), certificate.pem())?;
    std::fs::write(folder.join("key.pem"), key.serialize_pem())?;
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

//! The certificate of this run: for localhost, its key in a folder that ends with the run.

use std::path::Path;
use std::sync::OnceLock;

use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::Outcome;

/// The file with certificate and key.
pub const BOTH: &str = "both.pem";

/// Issued once: clients of this process trust one certificate, however many stages it sets.
static ISSUED: OnceLock<Issued> = OnceLock::new();

struct Issued {
    certificate: CertificateDer<'static>,
    chain: String,
    secret: String,
}

fn issue() -> Outcome<Issued> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    Ok(Issued {
        certificate: certificate.der().clone(),
        chain: certificate.pem(),
        secret: key.serialize_pem(),
    })
}

/// Writes the run's certificate and key as certificate.pem, key.pem and both of them as [`BOTH`] to a
/// folder.
///
/// # Errors
/// It cannot be made, or the files cannot be written.
pub fn write(folder: &Path) -> Outcome<()> {
    let issued = match ISSUED.get() {
        Some(issued) => issued,
        None => {
            let made = issue()?;
            ISSUED.get_or_init(|| made)
        }
    };
    let Issued { chain, secret, .. } = issued;
    std::fs::write(folder.join(BOTH), format!("{chain}{secret}"))?;
    std::fs::write(folder.join("certificate.pem"), chain)?;
    std::fs::write(folder.join("key.pem"), secret)?;
    Ok(())
}

/// The one root that clients of this run trust.
///
/// # Errors
/// [`write`] was not called.
pub fn roots() -> Outcome<RootCertStore> {
    let issued = ISSUED.get().ok_or("there is no certificate yet")?;
    let mut roots = RootCertStore::empty();
    roots.add(issued.certificate.clone())?;
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_of_a_process_shows_the_certificate_that_its_clients_trust() {
        let folders = [(); 2].map(|()| tempfile::TempDir::new().unwrap());
        let shown = folders.each_ref().map(|folder| {
            write(folder.path()).unwrap();
            std::fs::read_to_string(folder.path().join("certificate.pem")).unwrap()
        });
        assert_eq!(shown[0], shown[1]);
    }
}

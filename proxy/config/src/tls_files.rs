//! PEM files (RFC 7468) of certificates and keys, read whole and checked: what `check` takes is what
//! the start takes, and what is read again later.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tokenbridge_bridge::Secret;

use crate::reading::text;

/// A TLS file that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct TlsFileProblem {
    /// The file.
    pub path: PathBuf,
    /// Continues a sentence that begins with the file.
    pub problem: String,
}

impl TlsFileProblem {
    /// A problem of a file.
    pub fn new(path: &Path, problem: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// The same problem, with what the file is for.
    #[must_use]
    pub fn of(self, whose: &str) -> Self {
        Self {
            problem: format!("{whose}: {}", self.problem),
            ..self
        }
    }
}

impl std::fmt::Display for TlsFileProblem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for TlsFileProblem {}

/// Reads a file's certificates; at least one.
///
/// # Errors
/// The file cannot be read, holds none, or one that cannot be read.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileProblem> {
    let problem = |text: String| TlsFileProblem::new(path, text);
    let text = read(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.expose().as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| problem(format!("is no PEM file of certificates: {}", told(&error))))?;
    // What is read here is only thrown away: what cannot be read is found before it is used.
    let mut read = RootCertStore::empty();
    for certificate in &certificates {
        read.add(certificate.clone()).map_err(|error| {
            problem(format!("holds a certificate that cannot be used: {error}"))
        })?;
    }
    match certificates.is_empty() {
        true => Err(problem("holds no certificate".into())),
        false => Ok(certificates),
    }
}

/// Reads a file's private key.
///
/// # Errors
/// The file cannot be read or holds none that can be used.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFileProblem> {
    let problem = |text: String| TlsFileProblem::new(path, text);
    let key = PrivateKeyDer::from_pem_slice(read(path)?.expose().as_bytes())
        .map_err(|error| problem(format!("holds no private key in PEM: {}", told(&error))))?;
    rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|error| problem(format!("holds a private key that cannot be used: {error}")))?;
    Ok(key)
}

/// Reads a certificate chain and the private key of its first certificate.
///
/// # Errors
/// A file that cannot be used, or a key of another certificate: a problem of the key's file.
pub fn pair(cert_file: &Path, key_file: &Path) -> Result<CertifiedKey, TlsFileProblem> {
    let (chain, key) = (certificates(cert_file)?, private_key(key_file)?);
    CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider()).map_err(
        |error| {
            let problem = format!("is not the key of {}: {error}", cert_file.display());
            TlsFileProblem::new(key_file, problem)
        },
    )
}

/// The host names that a certificate is for, in lower case.
///
/// # Errors
/// It cannot be read.
pub fn names(key: &CertifiedKey, cert_file: &Path) -> Result<Vec<String>, TlsFileProblem> {
    let unusable = |problem: String| TlsFileProblem::new(cert_file, problem);
    let end_entity = key
        .end_entity_cert()
        .map_err(|error| unusable(format!("holds no certificate: {error}")))?;
    let parsed = webpki::EndEntityCert::try_from(end_entity)
        .map_err(|error| unusable(format!("holds a certificate that cannot be used: {error}")))?;
    Ok(parsed
        .valid_dns_names()
        .map(str::to_ascii_lowercase)
        .collect())
}

fn read(path: &Path) -> Result<Secret, TlsFileProblem> {
    let text = text::read(path).map(Secret::new);
    text.map_err(|error| TlsFileProblem::new(path, format!("cannot be read: {error}")))
}

/// The library shows the names of PEM sections as numbers.
fn told(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no `-----END ...-----`".into(),
        pem::Error::NoItemsFound => "it has no section of that kind".into(),
        other => other.to_string(),
    }
}

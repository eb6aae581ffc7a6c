//! PEM files of certificates and keys, read whole and checked: the framework panics on files that
//! it cannot use.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A TLS file that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub(crate) struct TlsFileProblem {
    path: PathBuf,
    problem: String,
}

impl TlsFileProblem {
    pub(crate) fn new(path: &Path, problem: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// The same problem, with what the file is for.
    #[must_use]
    pub(crate) fn of(self, whose: &str) -> Self {
        Self {
            problem: format!("{whose}: {}", self.problem),
            ..self
        }
    }
}

/// Reads a file's certificates; at least one.
///
/// # Errors
/// The file cannot be read, holds none, or one that cannot be read.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileProblem> {
    let problem = |text: String| TlsFileProblem::new(path, text);
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|error| problem(format!("cannot be read: {error}")))?
        .collect::<Result<_, _>>()
        .map_err(|error| problem(format!("is no PEM file of certificates: {error}")))?;
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
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFileProblem> {
    let problem = |text: String| TlsFileProblem::new(path, text);
    let key = PrivateKeyDer::from_pem_file(path)
        .map_err(|error| problem(format!("holds no private key in PEM: {error}")))?;
    rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|error| problem(format!("holds a private key that cannot be used: {error}")))?;
    Ok(key)
}

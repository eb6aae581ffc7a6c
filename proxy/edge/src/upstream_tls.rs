//! Certificates and keys toward upstreams, read and checked at start: the framework panics on
//! files that it cannot use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pingora_core::protocols::tls::CaType;
use pingora_core::utils::tls::{CertKey, WrappedX509};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokenbridge_config::service::{Scheme, Service};

/// A TLS file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: service {service}: {problem}", path.display())]
pub(crate) struct TlsFileProblem {
    service: String,
    path: PathBuf,
    problem: String,
}

type Files = (Option<Arc<CaType>>, Option<Arc<CertKey>>);

/// Reads a service's CA file and client certificate.
///
/// # Errors
/// Every file that cannot be used.
pub(crate) fn read(service: &Service) -> Result<Files, Vec<TlsFileProblem>> {
    if service.upstream.scheme == Scheme::Http {
        return Ok((None, None));
    }
    let mut problems = Vec::new();
    let mut note = |path: &Path, problem: String| {
        problems.push(TlsFileProblem {
            service: service.name.to_string(),
            path: path.to_owned(),
            problem,
        });
    };
    let ca = service.tls.ca_file.as_deref().and_then(|path| {
        certificates(path)
            .map(authorities)
            .map_err(|problem| note(path, problem))
            .ok()
    });
    let client = service.tls.client_certificate.as_ref().and_then(|files| {
        let chain = certificates(&files.certificate_file)
            .map_err(|problem| note(&files.certificate_file, problem));
        let key = private_key(&files.key_file).map_err(|problem| note(&files.key_file, problem));
        let (chain, key) = (chain.ok()?, key.ok()?);
        let chain = chain
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect();
        Some(Arc::new(CertKey::new(chain, key.secret_der().to_vec())))
    });
    if problems.is_empty() {
        Ok((ca, client))
    } else {
        Err(problems)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| format!("cannot be read: {error}"))?
        .collect();
    let certificates =
        certificates.map_err(|error| format!("is no PEM file of certificates: {error}"))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in &certificates {
        roots
            .add(certificate.clone())
            .map_err(|error| format!("holds a certificate that cannot be used: {error}"))?;
    }
    if certificates.is_empty() {
        Err("holds no certificate".into())
    } else {
        Ok(certificates)
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let key = PrivateKeyDer::from_pem_file(path)
        .map_err(|error| format!("holds no private key in PEM: {error}"))?;
    rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|error| format!("holds a private key that cannot be used: {error}"))?;
    Ok(key)
}

fn authorities(certificates: Vec<CertificateDer<'static>>) -> Arc<CaType> {
    certificates
        .into_iter()
        .map(|certificate| {
            WrappedX509::new(certificate.to_vec(), pingora_core::utils::tls::parse_x509)
        })
        .collect()
}

//! Certificates and keys toward upstreams, read and checked at start: the framework panics on
//! files that it cannot use.

use std::sync::Arc;

use pingora_core::protocols::tls::CaType;
use pingora_core::utils::tls::{CertKey, WrappedX509};
use rustls::pki_types::CertificateDer;
use tokenbridge_config::service::{Scheme, Service};
use tokenbridge_config::tls_files::{self, TlsFileProblem};

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
    let whose = format!("service {}", service.name);
    let mut note = |problem: TlsFileProblem| problems.push(problem.of(&whose));
    let ca = service.tls.ca_file.as_deref().and_then(|path| {
        tls_files::certificates(path)
            .map(authorities)
            .map_err(&mut note)
            .ok()
    });
    let client = service.tls.client_certificate.as_ref().and_then(|files| {
        let chain = tls_files::certificates(&files.certificate_file).map_err(&mut note);
        let key = tls_files::private_key(&files.key_file).map_err(&mut note);
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

fn authorities(certificates: Vec<CertificateDer<'static>>) -> Arc<CaType> {
    certificates
        .into_iter()
        .map(|certificate| {
            WrappedX509::new(certificate.to_vec(), pingora_core::utils::tls::parse_x509)
        })
        .collect()
}

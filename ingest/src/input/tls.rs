//! TLS of an input: its certificate, and whose certificates clients must show.

use super::settings::InputSettings;
use std::{fs, path::Path, sync::Arc};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

/// What accepts TLS connections of an input; `None` if it is a plain one. Reads files.
///
/// # Errors
/// In words: which file cannot be read or does not hold what it must.
pub(super) fn acceptor(settings: &InputSettings) -> Result<Option<TlsAcceptor>, String> {
    let Some((certificate_file, key_file)) = settings.tls_files() else { return Ok(None) };
    let chain = certificates("certificate_file", certificate_file)?;
    let key = PrivateKeyDer::from_pem_slice(&read("key_file", key_file)?)
        .map_err(|error| format!("key_file {} holds no private key in PEM: {error}", key_file.display()))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let builder = match &settings.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client_ca_file", file)? {
                roots
                    .add(certificate)
                    .map_err(|error| format!("client_ca_file {}: {error}", file.display()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| format!("client_ca_file {}: {error}", file.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(chain, key).map_err(|error| {
        format!(
            "certificate_file {} and key_file {}: {error}",
            certificate_file.display(),
            key_file.display()
        )
    })?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn certificates(setting: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(setting, file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| format!("{setting} {} is no PEM: {error}", file.display()))?;
    if found.is_empty() {
        return Err(format!("{setting} {} holds no certificate in PEM", file.display()));
    }
    Ok(found)
}

fn read(setting: &str, file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("cannot read {setting} {}: {error}", file.display()))
}

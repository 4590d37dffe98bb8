//! TLS of an input: its certificate, and whose certificates clients must show. Both are read anew when their files change.

use super::{Input, settings::InputSettings};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
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
use tokio_util::sync::CancellationToken;

/// What accepts TLS connections of an input.
pub(super) struct Tls {
    settings: InputSettings,
    current: ArcSwap<ServerConfig>,
    /// What the files held when they were read last, whether it could be used or not.
    seen: Mutex<blake3::Hash>,
}

/// What the files hold.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// `None` if the input is a plain one. Reads files.
    ///
    /// # Errors
    /// In words: which file cannot be read or does not hold what it must.
    pub(super) fn open(settings: &InputSettings) -> Result<Option<Self>, String> {
        let Some(files) = Files::read(settings)? else { return Ok(None) };
        let current = ArcSwap::new(files.configured(settings)?);
        Ok(Some(Self { settings: settings.clone(), current, seen: Mutex::new(files.digest()) }))
    }

    /// For one more connection; those that there are keep what they began with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Reads the files anew if they changed; whether they did.
    ///
    /// # Errors
    /// As [`Self::open`], told once for each content: what was in force before stays.
    fn refresh(&self) -> Result<bool, String> {
        let Some(files) = Files::read(&self.settings)? else { return Ok(false) };
        let digest = files.digest();
        if std::mem::replace(&mut *self.seen.lock(), digest) == digest {
            return Ok(false);
        }
        self.current.store(files.configured(&self.settings)?);
        Ok(true)
    }

    /// Looks after the files until `stop` is cancelled.
    pub(super) async fn watch(self: Arc<Self>, input: Arc<Input>, stop: CancellationToken) {
        let (name, meters) = (&input.name, &input.meters);
        let pause = self.settings.certificate_check();
        let mut failing = false;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            let tls = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || tls.refresh()).await {
                Ok(Ok(true)) => {
                    meters.certificates("used");
                    tracing::info!(input = %name, "took new certificates into use");
                }
                Ok(Ok(false)) => failing = false,
                Ok(Err(problem)) if !std::mem::replace(&mut failing, true) => {
                    meters.certificates("refused");
                    tracing::warn!(input = %name, problem, "cannot use new certificates; the old ones stay in force");
                }
                Ok(Err(_)) => {}
                Err(error) => tracing::error!(input = %name, %error, "reading certificates ended in a panic"),
            }
        }
    }
}

impl Files {
    fn read(settings: &InputSettings) -> Result<Option<Self>, String> {
        let Some((certificate_file, key_file)) = settings.tls_files() else { return Ok(None) };
        let client_ca = settings.client_ca_file.as_deref().map(|file| read("client_ca_file", file));
        Ok(Some(Self {
            certificate: read("certificate_file", certificate_file)?,
            key: read("key_file", key_file)?,
            client_ca: client_ca.transpose()?,
        }))
    }

    fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for file in [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten()
        {
            hasher.update(&(file.len() as u64).to_be_bytes()).update(file);
        }
        hasher.finalize()
    }

    fn configured(&self, settings: &InputSettings) -> Result<Arc<ServerConfig>, String> {
        let Some((certificate_file, key_file)) = settings.tls_files() else {
            return Err("there is no certificate_file".to_owned());
        };
        let chain = certificates("certificate_file", certificate_file, &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| {
            format!("key_file {} holds no private key in PEM: {error}", key_file.display())
        })?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let builder = match settings.client_ca_file.as_deref().zip(self.client_ca.as_deref()) {
            None => builder.with_no_client_auth(),
            Some((file, text)) => {
                let wrong =
                    |error: &dyn std::fmt::Display| format!("client_ca_file {}: {error}", file.display());
                let mut roots = RootCertStore::empty();
                for certificate in certificates("client_ca_file", file, text)? {
                    roots.add(certificate).map_err(|error| wrong(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| wrong(&error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(|error| {
            let (certificate, key) = (certificate_file.display(), key_file.display());
            format!("certificate_file {certificate} and key_file {key}: {error}")
        })?;
        Ok(Arc::new(config))
    }
}

fn certificates(setting: &str, file: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| format!("{setting} {} is no PEM: {error}", file.display()))?;
    if found.is_empty() {
        return Err(format!("{setting} {} holds no certificate in PEM", file.display()));
    }
    Ok(found)
}

fn read(setting: &str, file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("cannot read {setting} {}: {error}", file.display()))
}

//! The door's certificate and key, given or made on first start.
//!
//! Only for clients: traffic between nodes has its own listener and identities.

mod error;
mod self_signed;

pub use error::TlsError;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What new connections are shown. Clones share it, so a replaced certificate reaches every
/// listener; open connections keep theirs.
#[derive(Clone)]
pub struct TlsIdentity {
    config: Arc<ArcSwap<ServerConfig>>,
}

impl TlsIdentity {
    /// Reads a certificate chain and its key, both PEM, leaf first.
    ///
    /// # Errors
    /// [`TlsError`] when a file cannot be read, holds nothing of the kind, or key and
    /// certificate do not belong together.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(TlsIdentity { config: Arc::new(ArcSwap::new(load(certificates, key)?)) })
    }

    /// Uses the self-signed certificate in `directory`, making it when there is none. It is for
    /// `names` (host names or addresses) and never expires; clients trust it by its file,
    /// [`TlsIdentity::SELF_SIGNED_CERTIFICATE`]. The key's file is readable by its owner only.
    ///
    /// # Errors
    /// [`TlsError`] when the files cannot be written or read.
    pub fn self_signed(directory: &Path, names: &[String]) -> Result<Self, TlsError> {
        let (certificate, key) = self_signed::ensure(directory, names)?;
        Self::from_files(&certificate, &key)
    }

    /// The file name of the certificate that [`TlsIdentity::self_signed`] makes.
    pub const SELF_SIGNED_CERTIFICATE: &str = "self-signed.crt";

    /// Shows another certificate from now on.
    ///
    /// # Errors
    /// As [`TlsIdentity::from_files`]; then the old one stays.
    pub fn replace(&self, certificates: &Path, key: &Path) -> Result<(), TlsError> {
        self.config.store(load(certificates, key)?);
        Ok(())
    }

    /// The configuration for one handshake.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity(..)")
    }
}

fn load(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |cause| TlsError::UnreadablePem { path, cause }
    };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(certificates).and_then(Iterator::collect).map_err(unreadable(certificates))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;

//! The door's certificate and key, given or made on first start.
//!
//! Only for clients: traffic between nodes has its own listener and identities.

mod client_name;
mod error;
mod self_signed;

pub(crate) use client_name::client_name;
pub use error::TlsError;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What new connections are shown. Clones share it, so a replaced certificate reaches every
/// listener; open connections keep theirs.
#[derive(Clone)]
pub struct TlsIdentity {
    config: Arc<ArcSwap<ServerConfig>>,
    /// Who vouches for clients; none asks clients for no certificate.
    client_authority: Option<Arc<RootCertStore>>,
}

impl TlsIdentity {
    /// Reads a certificate chain and its key, both PEM, leaf first.
    ///
    /// # Errors
    /// [`TlsError`] when a file cannot be read, holds nothing of the kind, or key and
    /// certificate do not belong together.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        TlsIdentity::read(certificates, key, None)
    }

    /// The same, and asks clients for a certificate of an authority in the PEM file
    /// `client_authority`. A client may come without one and sign its calls instead; one whose
    /// certificate is not of these authorities is refused.
    ///
    /// # Errors
    /// As [`TlsIdentity::from_files`], for the third file as well.
    pub fn with_client_authority(certificates: &Path, key: &Path, client_authority: &Path) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for authority in read_certificates(client_authority)? {
            roots.add(authority).map_err(TlsError::from)?;
        }
        TlsIdentity::read(certificates, key, Some(Arc::new(roots)))
    }

    fn read(certificates: &Path, key: &Path, authority: Option<Arc<RootCertStore>>) -> Result<Self, TlsError> {
        let config = Arc::new(ArcSwap::new(load(certificates, key, authority.as_ref())?));
        Ok(TlsIdentity { config, client_authority: authority })
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
        self.config.store(load(certificates, key, self.client_authority.as_ref())?);
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

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|cause| TlsError::UnreadablePem { path: path.to_owned(), cause })
}

fn load(
    certificates: &Path,
    key: &Path,
    client_authority: Option<&Arc<RootCertStore>>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = read_certificates(certificates)?;
    let unreadable = |cause| TlsError::UnreadablePem { path: key.to_owned(), cause };
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable)?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match client_authority {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider);
            builder.with_client_cert_verifier(verifier.allow_unauthenticated().build()?)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;

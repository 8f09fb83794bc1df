//! Why there is no usable certificate.

use std::path::PathBuf;

/// The door cannot serve TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read or holds nothing of the kind.
    #[error("cannot read {}: {cause}", path.display())]
    UnreadablePem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit, or cannot be used.
    #[error("certificate or key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// Nobody can vouch for clients.
    #[error("the authority of client certificates cannot be used: {0}")]
    NoAuthority(#[from] rustls::server::VerifierBuilderError),
    /// A self-signed certificate cannot be made, for instance for a malformed name.
    #[error("cannot make a certificate: {0}")]
    NotMade(#[from] rcgen::Error),
    /// A file of the self-signed certificate cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
}

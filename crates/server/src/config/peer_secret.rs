//! The secret that the nodes of a cluster share: read from a file or a variable, never printed.

use anabranch_cluster::SharedSecret;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The variable that holds the secret itself. There is no flag: whoever lists processes would see it.
pub const SECRET_VARIABLE: &str = "ANABRANCH_SECRET";

/// The most that is read of a file; what is longer is not a secret but a mistake.
const SECRET_BYTES_MAX: u64 = 4_096;

/// What the nodes of a cluster know and nobody else does (D14): 16 to 4,096 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerSecret(Vec<u8>);

/// There is no secret where one should be. The secret itself is not told.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPeerSecret {
    /// The file cannot be read.
    #[error("names a file that cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is too short to protect anything, or too long to be one.
    #[error("must hold a secret of 16 to {SECRET_BYTES_MAX} bytes, not {0}")]
    Length(usize),
}

impl PeerSecret {
    /// Keeps `bytes` without the line break that editors put at the end.
    ///
    /// # Errors
    /// [`InvalidPeerSecret::Length`].
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidPeerSecret> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= SECRET_BYTES_MAX);
        if !fits || SharedSecret::new(bytes).is_err() {
            return Err(InvalidPeerSecret::Length(bytes.len()));
        }
        Ok(PeerSecret(bytes.to_vec()))
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`InvalidPeerSecret`].
    pub fn from_file(path: &Path) -> Result<Self, InvalidPeerSecret> {
        let mut bytes = Vec::new();
        // Two more than a secret may have: for the line break.
        File::open(path)?.take(SECRET_BYTES_MAX + 3).read_to_end(&mut bytes)?;
        PeerSecret::new(&bytes)
    }

    /// The secret of the variable [`SECRET_VARIABLE`]; none where it is not set.
    ///
    /// # Errors
    /// [`InvalidPeerSecret::Length`].
    pub fn from_environment() -> Result<Option<Self>, InvalidPeerSecret> {
        std::env::var_os(SECRET_VARIABLE).map(|text| PeerSecret::new(text.as_encoded_bytes())).transpose()
    }

    /// The secret, as proofs between nodes are made with it.
    pub fn shared(&self) -> SharedSecret {
        SharedSecret::new(&self.0).expect("its length was checked when it was made")
    }
}

impl fmt::Debug for PeerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerSecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIXTEEN: &[u8] = b"0123456789abcdef";

    #[test]
    fn the_line_break_at_the_end_is_not_part_of_the_secret() {
        let secret = PeerSecret::new(SIXTEEN).expect("16 bytes");
        for end in ["\n", "\r\n"] {
            assert_eq!(PeerSecret::new(&[SIXTEEN, end.as_bytes()].concat()).expect("16 bytes"), secret);
        }
        assert_ne!(PeerSecret::new(&[SIXTEEN, b" "].concat()).expect("17 bytes"), secret);
    }

    #[test]
    fn a_secret_is_not_short_not_endless_and_not_printed() {
        assert!(matches!(PeerSecret::new(b"0123456789abcde\n"), Err(InvalidPeerSecret::Length(15))));
        assert!(PeerSecret::new(&[7; 4_096]).is_ok());
        assert!(matches!(PeerSecret::new(&[7; 4_097]), Err(InvalidPeerSecret::Length(4_097))));
        assert_eq!(format!("{:?}", PeerSecret::new(SIXTEEN).expect("16 bytes")), "PeerSecret(redacted)");
    }

    #[test]
    fn a_file_holds_a_secret_or_is_refused() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let file = scratch.path().join("secret");
        assert!(matches!(PeerSecret::from_file(&file), Err(InvalidPeerSecret::Unreadable(_))));
        std::fs::write(&file, [SIXTEEN, b"\n"].concat()).expect("written");
        assert_eq!(PeerSecret::from_file(&file).expect("16 bytes"), PeerSecret::new(SIXTEEN).expect("16 bytes"));
        std::fs::write(&file, [7; 9_999]).expect("written");
        assert!(matches!(PeerSecret::from_file(&file), Err(InvalidPeerSecret::Length(_))));
    }
}

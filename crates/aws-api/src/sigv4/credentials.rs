//! Whose signatures are accepted.

use std::fmt;
use std::sync::Arc;

/// A secret access key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Arc<str>);

impl SecretKey {
    /// The key as its owner configured it.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        SecretKey(text.into())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// The known access keys. Asked once per request, so it answers from memory.
pub trait Credentials: Send + Sync {
    /// The secret that belongs to `access_key`; none when nobody has that key.
    fn secret(&self, access_key: &str) -> Option<SecretKey>;
}

/// How far signatures are checked.
#[derive(Clone)]
pub enum Verification {
    /// Form, date and scope are checked, any credentials pass. For `dev`: whoever reaches the
    /// port may do everything.
    FormOnly,
    /// Everything is checked, with these credentials.
    Full(Arc<dyn Credentials>),
}

impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verification::FormOnly => "FormOnly",
            Verification::Full(_) => "Full",
        })
    }
}

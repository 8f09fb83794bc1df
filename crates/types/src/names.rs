//! Stream names.

use std::fmt;
use std::sync::Arc;

/// 1 to 128 characters of `[a-zA-Z0-9_.-]`. Source: AWS API model, shape StreamName.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(Arc<str>);

/// The text is not a stream name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a stream name has 1 to 128 characters of [a-zA-Z0-9_.-], not {0:?}")]
pub struct InvalidStreamName(pub String);

impl StreamName {
    /// # Errors
    /// [`InvalidStreamName`] when `name` has another length or another character.
    pub fn new(name: &str) -> Result<Self, InvalidStreamName> {
        let fits = (1..=128).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if fits { Ok(StreamName(name.into())) } else { Err(InvalidStreamName(name.chars().take(200).collect())) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_allowed_character_are_taken() {
        assert_eq!(StreamName::new("Az09_.-").map(|n| n.to_string()), Ok("Az09_.-".to_owned()));
        assert!(StreamName::new(&"a".repeat(128)).is_ok());
    }

    #[test]
    fn names_of_other_characters_or_lengths_are_refused() {
        for bad in ["", "a b", "ä", "a/b", "a\0", &"a".repeat(129)] {
            assert!(StreamName::new(bad).is_err(), "{bad:?}");
        }
    }
}

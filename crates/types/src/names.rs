//! Names of streams and of their consumers.

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
        if is_name(name) { Ok(StreamName(name.into())) } else { Err(InvalidStreamName(shown(name))) }
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

/// 1 to 128 characters of `[a-zA-Z0-9_.-]`. Source: AWS API model, shape ConsumerName.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerName(Arc<str>);

/// The text is not a consumer's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a consumer's name has 1 to 128 characters of [a-zA-Z0-9_.-], not {0:?}")]
pub struct InvalidConsumerName(pub String);

impl ConsumerName {
    /// # Errors
    /// [`InvalidConsumerName`] when `name` has another length or another character.
    pub fn new(name: &str) -> Result<Self, InvalidConsumerName> {
        if is_name(name) { Ok(ConsumerName(name.into())) } else { Err(InvalidConsumerName(shown(name))) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConsumerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The rule of both kinds of names.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// What of a refused name is told.
fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_allowed_character_are_taken() {
        assert_eq!(StreamName::new("Az09_.-").map(|n| n.to_string()), Ok("Az09_.-".to_owned()));
        assert!(StreamName::new(&"a".repeat(128)).is_ok());
        assert_eq!(ConsumerName::new("Az09_.-").map(|n| n.to_string()), Ok("Az09_.-".to_owned()));
        assert!(ConsumerName::new(&"a".repeat(128)).is_ok());
    }

    #[test]
    fn names_of_other_characters_or_lengths_are_refused() {
        for bad in ["", "a b", "ä", "a/b", "a\0", &"a".repeat(129)] {
            assert!(StreamName::new(bad).is_err(), "{bad:?}");
            assert!(ConsumerName::new(bad).is_err(), "{bad:?}");
        }
    }
}

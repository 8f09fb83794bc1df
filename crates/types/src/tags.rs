//! Tags: what people write on streams.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Names a tag, unique on its stream: 1 to 128 Unicode characters. Source: AWS API model, shape
/// TagKey. Which characters is for the service to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagKey(Arc<str>);

/// What a tag says: at most 256 Unicode characters. Source: AWS API model, shape TagValue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagValue(Arc<str>);

/// Tags by key, in the order in which they are listed.
pub type Tags = BTreeMap<TagKey, TagValue>;

/// The text is no key of a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key of a tag has 1 to {} characters, not {characters}", TagKey::CHARACTERS_MAX)]
pub struct InvalidTagKey {
    /// How many characters the refused text has.
    pub characters: usize,
}

/// The text is no value of a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value of a tag has at most {} characters, not {characters}", TagValue::CHARACTERS_MAX)]
pub struct InvalidTagValue {
    /// How many characters the refused text has.
    pub characters: usize,
}

impl TagKey {
    /// Characters of the longest key.
    pub const CHARACTERS_MAX: usize = 128;

    /// # Errors
    /// [`InvalidTagKey`] when `key` is empty or too long.
    pub fn new(key: &str) -> Result<Self, InvalidTagKey> {
        let characters = key.chars().count();
        let fits = (1..=Self::CHARACTERS_MAX).contains(&characters);
        if fits { Ok(TagKey(key.into())) } else { Err(InvalidTagKey { characters }) }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TagValue {
    /// Characters of the longest value.
    pub const CHARACTERS_MAX: usize = 256;

    /// # Errors
    /// [`InvalidTagValue`] when `value` is too long.
    pub fn new(value: &str) -> Result<Self, InvalidTagValue> {
        let characters = value.chars().count();
        let fits = characters <= Self::CHARACTERS_MAX;
        if fits { Ok(TagValue(value.into())) } else { Err(InvalidTagValue { characters }) }
    }

    /// The value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_characters_not_bytes() {
        assert_eq!(TagKey::new(&"é".repeat(128)).map(|key| key.as_str().len()), Ok(256));
        assert_eq!(TagKey::new(&"é".repeat(129)), Err(InvalidTagKey { characters: 129 }));
        assert_eq!(TagValue::new(&"é".repeat(256)).map(|value| value.as_str().len()), Ok(512));
        assert_eq!(TagValue::new(&"é".repeat(257)), Err(InvalidTagValue { characters: 257 }));
    }

    #[test]
    fn a_value_may_be_empty_and_a_key_may_not() {
        assert_eq!(TagValue::new("").map(|value| value.to_string()), Ok(String::new()));
        assert_eq!(TagKey::new(""), Err(InvalidTagKey { characters: 0 }));
    }
}

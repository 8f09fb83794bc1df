//! Partition keys and how they route.

use crate::hash_key::HashKey;
use md5::{Digest, Md5};

/// 1 to 256 Unicode characters. Source: AWS API model, shape PartitionKey (the limit counts
/// characters, not bytes).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey(String);

/// The text is empty or longer than 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a partition key has 1 to 256 characters, not {characters}")]
pub struct InvalidPartitionKey {
    /// How many characters the refused key has.
    pub characters: usize,
}

impl PartitionKey {
    /// # Errors
    /// [`InvalidPartitionKey`] when `key` is empty or too long.
    pub fn new(key: String) -> Result<Self, InvalidPartitionKey> {
        // A key of at most 256 bytes has at most 256 characters: the common case counts nothing.
        let characters = if key.len() <= 256 { key.len() } else { key.chars().count() };
        if characters == 0 || characters > 256 {
            return Err(InvalidPartitionKey { characters });
        }
        Ok(PartitionKey(key))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the key routes: its MD5, read as an unsigned big-endian number.
    /// Source: AWS PutRecord API reference.
    pub fn hash_key(&self) -> HashKey {
        HashKey(u128::from_be_bytes(Md5::digest(self.0.as_bytes()).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_routes_by_its_md5_read_big_endian() {
        let key = PartitionKey::new("a".to_owned()).expect("valid");
        assert_eq!(key.hash_key(), HashKey(0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661));
    }

    #[test]
    fn the_length_limit_counts_characters_not_bytes() {
        assert!(PartitionKey::new("ä".repeat(256)).is_ok());
        assert_eq!(PartitionKey::new("ä".repeat(257)), Err(InvalidPartitionKey { characters: 257 }));
        assert_eq!(PartitionKey::new(String::new()), Err(InvalidPartitionKey { characters: 0 }));
    }
}

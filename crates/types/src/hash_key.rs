//! The 128-bit space that shards divide among them.

use std::fmt;
use std::num::NonZeroU32;

/// A point of the hash key space, printed in decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashKey(pub u128);

/// The text is not a decimal number in 0..=2^128-1 without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hash key is a decimal number from 0 to 2^128-1")]
pub struct InvalidHashKey;

impl HashKey {
    /// The lowest hash key.
    pub const MIN: HashKey = HashKey(0);
    /// The highest hash key, 2^128-1.
    pub const MAX: HashKey = HashKey(u128::MAX);

    /// Reads a decimal number. Source: AWS API model, shape HashKey `^(0|([1-9]\d{0,38}))$`.
    ///
    /// # Errors
    /// [`InvalidHashKey`] for other characters, leading zeros, or a number of 2^128 or more.
    pub fn parse(text: &str) -> Result<Self, InvalidHashKey> {
        let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
        if !canonical {
            return Err(InvalidHashKey);
        }
        text.parse().map(HashKey).map_err(|_| InvalidHashKey)
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A shard's part of the space; both ends belong to it and `start <= end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashKeyRange {
    start: HashKey,
    end: HashKey,
}

/// A range must not end before it starts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("hash key range ends at {end}, before its start {start}")]
pub struct InvalidHashKeyRange {
    /// The refused start.
    pub start: HashKey,
    /// The refused end.
    pub end: HashKey,
}

impl HashKeyRange {
    /// The whole space.
    pub const FULL: HashKeyRange = HashKeyRange { start: HashKey::MIN, end: HashKey::MAX };

    /// # Errors
    /// [`InvalidHashKeyRange`] when `start > end`.
    pub fn new(start: HashKey, end: HashKey) -> Result<Self, InvalidHashKeyRange> {
        if start > end {
            return Err(InvalidHashKeyRange { start, end });
        }
        Ok(HashKeyRange { start, end })
    }

    /// The lowest hash key of the range.
    pub fn start(&self) -> HashKey {
        self.start
    }

    /// The highest hash key of the range; it belongs to the range.
    pub fn end(&self) -> HashKey {
        self.end
    }

    /// Whether `key` lies in the range.
    pub fn contains(&self, key: HashKey) -> bool {
        self.start <= key && key <= self.end
    }

    /// Tiles the whole space with `count` ranges of floor(2^128 / count), the last one taking
    /// what remains. Source: recorded behaviour of CreateStream.
    pub fn tiles(count: NonZeroU32) -> Vec<HashKeyRange> {
        let count = u128::from(count.get());
        if count == 1 {
            return vec![HashKeyRange::FULL];
        }
        // floor(2^128 / n) without 129 bits: 2^128 = (2^128 - 1) + 1.
        let width = u128::MAX / count + u128::from(u128::MAX % count == count - 1);
        (0..count)
            .map(|i| HashKeyRange {
                start: HashKey(i * width),
                end: if i == count - 1 { HashKey::MAX } else { HashKey((i + 1) * width - 1) },
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn four_tiles_start_where_the_service_starts_them() {
        let tiles = HashKeyRange::tiles(NonZeroU32::new(4).expect("4 > 0"));
        assert_eq!(tiles[1].start().to_string(), "85070591730234615865843651857942052864");
        assert_eq!(tiles[3].end().to_string(), "340282366920938463463374607431768211455");
    }

    #[test]
    fn hash_keys_with_leading_zeros_signs_or_too_many_digits_are_refused() {
        for bad in ["", "00", "01", "+1", "-1", " 1", "340282366920938463463374607431768211456", &"9".repeat(1000)] {
            assert_eq!(HashKey::parse(bad), Err(InvalidHashKey), "{bad}");
        }
        assert_eq!(HashKey::parse("340282366920938463463374607431768211455"), Ok(HashKey::MAX));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_refused() {
        assert!(HashKeyRange::new(HashKey(2), HashKey(1)).is_err());
    }

    proptest! {
        #[test]
        fn tiles_cover_the_space_exactly_once(count in 1u32..20_000) {
            let tiles = HashKeyRange::tiles(NonZeroU32::new(count).expect("from 1"));
            prop_assert_eq!(tiles.len(), count as usize);
            prop_assert_eq!(tiles[0].start(), HashKey::MIN);
            prop_assert_eq!(tiles[tiles.len() - 1].end(), HashKey::MAX);
            for pair in tiles.windows(2) {
                prop_assert_eq!(pair[0].end().0 + 1, pair[1].start().0);
            }
        }
    }
}

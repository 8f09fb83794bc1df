//! A stream to create at start, written `NAME:SHARDS`.

use anabranch_types::limits::SHARDS_PER_ACCOUNT_MAX;
use anabranch_types::{InvalidStreamName, StreamName};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// A stream to create where it does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its name.
    pub name: StreamName,
    /// How many shards it starts with, at most `SHARDS_PER_ACCOUNT_MAX`.
    pub shards: NonZeroU32,
}

/// The text is not `NAME:SHARDS`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStreamSpec {
    /// There is no colon.
    #[error("a stream is written NAME:SHARDS, not {0:?}")]
    NoColon(String),
    /// The part before the colon.
    #[error(transparent)]
    Name(#[from] InvalidStreamName),
    /// The part behind the colon.
    #[error("a stream has 1 to {SHARDS_PER_ACCOUNT_MAX} shards, not {0:?}")]
    Shards(String),
}

impl FromStr for StreamSpec {
    type Err = InvalidStreamSpec;

    fn from_str(text: &str) -> Result<Self, InvalidStreamSpec> {
        let shortened = |text: &str| text.chars().take(200).collect::<String>();
        let (name, shards) = text.split_once(':').ok_or_else(|| InvalidStreamSpec::NoColon(shortened(text)))?;
        let name = StreamName::new(name)?;
        let count = shards.parse().ok().filter(|count: &NonZeroU32| count.get() <= SHARDS_PER_ACCOUNT_MAX);
        let shards = count.ok_or_else(|| InvalidStreamSpec::Shards(shortened(shards)))?;
        Ok(StreamSpec { name, shards })
    }
}

impl fmt::Display for StreamSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.shards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_number_make_a_stream() {
        let spec: StreamSpec = "orders:4".parse().expect("both parts are fine");
        assert_eq!((spec.name.as_str(), spec.shards.get(), spec.to_string().as_str()), ("orders", 4, "orders:4"));
    }

    #[test]
    fn each_part_is_refused_with_its_own_error() {
        let error = |text: &str| text.parse::<StreamSpec>().expect_err(text);
        assert_eq!(error("orders"), InvalidStreamSpec::NoColon("orders".to_owned()));
        assert!(matches!(error("a b:1"), InvalidStreamSpec::Name(_)));
        for shards in ["", "0", "-1", "x", "20001", "1:2", "99999999999999999999"] {
            assert_eq!(error(&format!("orders:{shards}")), InvalidStreamSpec::Shards(shards.to_owned()));
        }
    }
}

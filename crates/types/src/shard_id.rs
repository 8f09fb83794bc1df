//! Shard ids: `shardId-` and twelve decimal digits.

use std::fmt;

/// A shard of a stream, numbered in order of creation from 0. Source: AWS API reference;
/// the KPL parses the digits, the KCL checks them against the low 32 bits it finds in
/// sequence numbers, so the number is 32 bits wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u32);

/// The text names no shard that could exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a shard id is shardId- and twelve digits")]
pub struct InvalidShardId;

impl ShardId {
    /// Reads `shardId-000000000012`; the short form `12` and `shardId-12` are read too.
    ///
    /// # Errors
    /// [`InvalidShardId`] when the text has other characters or a number beyond 2^31-1.
    pub fn parse(text: &str) -> Result<Self, InvalidShardId> {
        let digits = text.strip_prefix("shardId-").unwrap_or(text);
        if digits.is_empty() || digits.len() > 12 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidShardId);
        }
        match digits.parse::<u64>() {
            Ok(n) if n < 1 << 31 => Ok(ShardId(n as u32)),
            _ => Err(InvalidShardId),
        }
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shardId-{:012}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_id_reads_back_as_it_prints() {
        let id = ShardId(4_211);
        assert_eq!(id.to_string(), "shardId-000000004211");
        assert_eq!(ShardId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn texts_that_name_no_shard_are_refused() {
        for bad in ["", "shardId-", "shardId-x", "shard-1", "shardId-0000000000001", "shardId-999999999999"] {
            assert_eq!(ShardId::parse(bad), Err(InvalidShardId), "{bad}");
        }
    }
}

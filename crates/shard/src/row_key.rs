//! Keys of the rows that a group's state lives in between restarts.
//!
//! ```text
//! S g                  the group: counters, clock, the open bucket
//! S p                  the policy
//! S t | uid u64        a stream
//! S s | number u32     a shard
//! S b | bucket u32     a closed bucket
//! S q | log index u64  the requests of one Put, with their outcomes
//! S d | log index u64  a dropped stream
//! ```
//!
//! Other users of the meta family stay out of the keys that begin with `S`.

use crate::bucket::BucketId;
use crate::chunk_key::ShardNo;
use anabranch_types::StreamUid;
use bytes::Bytes;

/// The first of the keys that belong to a group's state.
pub const ROWS_FROM: &[u8] = b"S";
/// Above the last of the keys that belong to a group's state.
pub const ROWS_TO: &[u8] = b"T";

/// One key, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKey {
    Group,
    Policy,
    Stream(StreamUid),
    Shard(ShardNo),
    Bucket(BucketId),
    Requests(u64),
    Dropped(u64),
}

impl RowKey {
    pub(crate) fn encode(self) -> Bytes {
        let mut key = ROWS_FROM.to_vec();
        match self {
            RowKey::Group => key.push(b'g'),
            RowKey::Policy => key.push(b'p'),
            RowKey::Stream(uid) => append(&mut key, b't', &uid.0.to_be_bytes()),
            RowKey::Shard(no) => append(&mut key, b's', &no.0.to_be_bytes()),
            RowKey::Bucket(id) => append(&mut key, b'b', &id.0.to_be_bytes()),
            RowKey::Requests(log_index) => append(&mut key, b'q', &log_index.to_be_bytes()),
            RowKey::Dropped(log_index) => append(&mut key, b'd', &log_index.to_be_bytes()),
        }
        key.into()
    }

    pub(crate) fn decode(key: &[u8]) -> Option<Self> {
        let (kind, id) = key.strip_prefix(ROWS_FROM)?.split_first()?;
        let wide = || id.try_into().ok().map(u64::from_be_bytes);
        let narrow = || id.try_into().ok().map(u32::from_be_bytes);
        match kind {
            b'g' => id.is_empty().then_some(RowKey::Group),
            b'p' => id.is_empty().then_some(RowKey::Policy),
            b't' => wide().map(|uid| RowKey::Stream(StreamUid(uid))),
            b's' => narrow().map(|no| RowKey::Shard(ShardNo(no))),
            b'b' => narrow().map(|id| RowKey::Bucket(BucketId(id))),
            b'q' => wide().map(RowKey::Requests),
            b'd' => wide().map(RowKey::Dropped),
            _ => None,
        }
    }
}

fn append(key: &mut Vec<u8>, kind: u8, id: &[u8]) {
    key.push(kind);
    key.extend_from_slice(id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_reads_back_as_written_and_lies_in_the_range() {
        for key in [
            RowKey::Group,
            RowKey::Policy,
            RowKey::Stream(StreamUid(7)),
            RowKey::Shard(ShardNo(8)),
            RowKey::Bucket(BucketId(9)),
            RowKey::Requests(10),
            RowKey::Dropped(11),
        ] {
            let bytes = key.encode();
            assert_eq!(RowKey::decode(&bytes), Some(key));
            assert_eq!(RowKey::decode(&bytes[..bytes.len() - 1]), None);
            assert!(ROWS_FROM <= &bytes[..] && &bytes[..] < ROWS_TO);
        }
    }
}

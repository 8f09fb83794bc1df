//! A shard as DescribeStream and ListShards print it, a child as GetRecords does.

use super::output;
use anabranch_api::{ChildShard, Shard};
use anabranch_types::{HashKey, HashKeyRange, SequenceNumber, ShardId};
use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PrintedShard {
    #[serde(serialize_with = "output::text")]
    shard_id: ShardId,
    #[serde(serialize_with = "output::optional_text", skip_serializing_if = "Option::is_none")]
    parent_shard_id: Option<ShardId>,
    #[serde(serialize_with = "output::optional_text", skip_serializing_if = "Option::is_none")]
    adjacent_parent_shard_id: Option<ShardId>,
    hash_key_range: PrintedRange,
    sequence_number_range: PrintedSequenceNumbers,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PrintedRange {
    #[serde(serialize_with = "output::text")]
    starting_hash_key: HashKey,
    #[serde(serialize_with = "output::text")]
    ending_hash_key: HashKey,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PrintedSequenceNumbers {
    #[serde(serialize_with = "output::text")]
    starting_sequence_number: SequenceNumber,
    #[serde(serialize_with = "output::optional_text", skip_serializing_if = "Option::is_none")]
    ending_sequence_number: Option<SequenceNumber>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PrintedChild {
    #[serde(serialize_with = "output::text")]
    shard_id: ShardId,
    parent_shards: Vec<String>,
    hash_key_range: PrintedRange,
}

impl From<HashKeyRange> for PrintedRange {
    fn from(range: HashKeyRange) -> Self {
        PrintedRange { starting_hash_key: range.start(), ending_hash_key: range.end() }
    }
}

impl From<Shard> for PrintedShard {
    fn from(shard: Shard) -> Self {
        PrintedShard {
            shard_id: shard.id,
            parent_shard_id: shard.parent,
            adjacent_parent_shard_id: shard.adjacent_parent,
            hash_key_range: shard.range.into(),
            sequence_number_range: PrintedSequenceNumbers {
                starting_sequence_number: shard.starting,
                ending_sequence_number: shard.ending,
            },
        }
    }
}

impl From<ChildShard> for PrintedChild {
    fn from(child: ChildShard) -> Self {
        PrintedChild {
            shard_id: child.id,
            parent_shards: child.parents.iter().map(ShardId::to_string).collect(),
            hash_key_range: child.range.into(),
        }
    }
}

//! Records and positions.

use super::{range_out, time_in, time_out};
use crate::errors::CallError;
use anabranch_api::{ChildShard, IteratorStart, PutEntry, PutRecordOutput, Record, messages};
use anabranch_proto::v1 as proto;
use anabranch_types::{HashKey, PartitionKey, SequenceNumber, limits};

/// Reads a record to write. Whether the stream takes one of its size is for the service to say;
/// none takes more than 10 MiB.
pub(crate) fn entry_in(entry: Option<proto::PutEntry>) -> Result<PutEntry, CallError> {
    let proto::PutEntry { partition_key, explicit_hash_key, data } =
        entry.ok_or_else(|| CallError::field("entry", "must be given"))?;
    let explicit_hash_key = match explicit_hash_key {
        Some(text) => {
            let refused = |_| CallError::about("explicit_hash_key", messages::invalid_explicit_hash_key(&text));
            Some(HashKey::parse(&text).map_err(refused)?)
        }
        None => None,
    };
    let partition_key = PartitionKey::new(partition_key)
        .map_err(|_| CallError::field("partition_key", "must have 1 to 256 characters"))?;
    if data.len() as u64 > limits::RECORD_BYTES_MAX {
        return Err(CallError::about("data", messages::record_too_large("data", limits::RECORD_BYTES_MAX)));
    }
    Ok(PutEntry { data, partition_key, explicit_hash_key })
}

pub(crate) fn stored_out(stored: PutRecordOutput) -> proto::PutRecordResponse {
    proto::PutRecordResponse { shard_id: stored.shard.to_string(), sequence_number: stored.sequence_number.to_string() }
}

/// Reads the field `position`.
pub(crate) fn position_in(position: Option<proto::StartingPosition>) -> Result<IteratorStart, CallError> {
    use proto::starting_position::Start;
    let number = |text: &str, field: &str| {
        SequenceNumber::parse(text).map_err(|_| CallError::field(field, "must be a sequence number of this server"))
    };
    Ok(match position.and_then(|position| position.start) {
        Some(Start::Latest(_)) => IteratorStart::Latest,
        Some(Start::TrimHorizon(_)) => IteratorStart::TrimHorizon,
        Some(Start::AtSequenceNumber(text)) => {
            IteratorStart::AtSequenceNumber(number(&text, "position.at_sequence_number")?)
        }
        Some(Start::AfterSequenceNumber(text)) => {
            IteratorStart::AfterSequenceNumber(number(&text, "position.after_sequence_number")?)
        }
        Some(Start::AtTimestamp(at)) => IteratorStart::AtTimestamp(time_in(&at, "position.at_timestamp")?),
        None => return Err(CallError::field("position", "must say where to begin")),
    })
}

pub(crate) fn record_out(record: Record) -> proto::Record {
    proto::Record {
        sequence_number: record.sequence_number.to_string(),
        arrival: time_out(record.arrival),
        // Keys were UTF-8 when they came; a damaged one would have been refused by its checksum.
        partition_key: String::from_utf8_lossy(&record.partition_key).into_owned(),
        data: record.data,
    }
}

pub(crate) fn child_out(child: ChildShard) -> proto::ChildShard {
    proto::ChildShard {
        shard_id: child.id.to_string(),
        parent_shard_ids: child.parents.iter().map(ToString::to_string).collect(),
        hash_key_range: range_out(child.range),
    }
}

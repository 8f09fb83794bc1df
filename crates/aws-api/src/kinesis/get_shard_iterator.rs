//! GetShardIterator.

use super::Operation;
use super::input::{checked, name_of, stream};
use super::output;
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, GetShardIterator, IteratorStart, Kinesis, RequestContext, ShardIterator, messages};
use anabranch_types::{AccountId, SequenceNumber, ShardId, StreamName, Timestamp};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let iterator = service.get_shard_iterator(context, read(context, body)?).await?;
    Ok(print(iterator, body.encoding))
}

fn read(context: &RequestContext, body: &Encoded) -> Result<GetShardIterator, ApiError> {
    let mut fields = checked(Operation::GetShardIterator, body)?;
    let stream = stream(&mut fields)?;
    let shard = fields.text("ShardId").expect("the model requires it");
    let start = Start {
        kind: fields.text("ShardIteratorType").expect("the model requires it"),
        sequence_number: fields.text("StartingSequenceNumber"),
        timestamp: fields.timestamp("Timestamp"),
    };
    let start = start_of(start, &shard, name_of(&stream), context.account)?;
    Ok(GetShardIterator { stream, shard, start })
}

/// Where a reader wants to begin, as the request says it.
pub(super) struct Start {
    /// One of the model's types.
    pub(super) kind: String,
    pub(super) sequence_number: Option<String>,
    pub(super) timestamp: Option<Timestamp>,
}

/// Type, starting sequence number and timestamp as one. A timestamp beside another type
/// than AT_TIMESTAMP means nothing, as in the service. A shard that cannot be is the first thing that
/// the service would notice.
pub(super) fn start_of(
    start: Start,
    shard: &str,
    stream: &StreamName,
    account: AccountId,
) -> Result<IteratorStart, ApiError> {
    read_start(start, shard, stream, account).map_err(|error| match ShardId::parse(shard) {
        Ok(_) => error,
        Err(_) => messages::shard_not_found(shard, stream, account),
    })
}

fn read_start(start: Start, shard: &str, stream: &StreamName, account: AccountId) -> Result<IteratorStart, ApiError> {
    let Start { kind, sequence_number, timestamp } = start;
    let wants_number = matches!(kind.as_str(), "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER");
    if wants_number != sequence_number.is_some() {
        return Err(messages::starting_sequence_number_rule(&kind, sequence_number.is_some()));
    }
    let sequence_number = sequence_number.map(|text| {
        let shard = ShardId::parse(shard).map_or_else(|_| shard.to_owned(), |id| id.to_string());
        SequenceNumber::parse(&text)
            .map_err(|_| messages::invalid_starting_sequence_number(&text, &shard, stream, account))
    });
    Ok(match (kind.as_str(), sequence_number.transpose()?) {
        ("AT_SEQUENCE_NUMBER", Some(number)) => IteratorStart::AtSequenceNumber(number),
        ("AFTER_SEQUENCE_NUMBER", Some(number)) => IteratorStart::AfterSequenceNumber(number),
        ("TRIM_HORIZON", _) => IteratorStart::TrimHorizon,
        ("LATEST", _) => IteratorStart::Latest,
        ("AT_TIMESTAMP", _) => IteratorStart::AtTimestamp(timestamp.ok_or_else(messages::iterator_timestamp_missing)?),
        (other, _) => unreachable!("the model has no iterator type {other}"),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    shard_iterator: String,
}

fn print(iterator: ShardIterator, encoding: Encoding) -> Bytes {
    output::print(encoding, &Output { shard_iterator: iterator.0 })
}

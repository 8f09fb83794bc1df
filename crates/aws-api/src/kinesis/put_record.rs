//! PutRecord.

use super::Operation;
use super::input::{checked, name_of, stream};
use super::output;
use super::record::{Data, FastEntry, Text, decode_fast, entry, object, stream_fast};
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, Kinesis, PutRecord, PutRecordOutput, RequestContext, messages};
use anabranch_types::{SequenceNumber, ShardId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub(super) async fn serve<S: Kinesis>(service: &S, context: &RequestContext, body: Encoded) -> Result<Bytes, ApiError> {
    let request = match read_fast(&body) {
        Some(request) => request,
        None => read_checked(context, &body)?,
    };
    let encoding = body.encoding;
    // What is decoded lives on; a body of JSON need not wait for the disks.
    drop(body);
    let stored = service.put_record(context, request).await?;
    Ok(print(stored, encoding))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FastRequest<'a> {
    #[serde(borrow)]
    stream_name: Option<Text<'a>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    data: Data<'a>,
    #[serde(borrow)]
    partition_key: Text<'a>,
    #[serde(borrow)]
    explicit_hash_key: Option<Text<'a>>,
    #[serde(borrow)]
    sequence_number_for_ordering: Option<Text<'a>>,
}

/// The request when it has no fault and no rare member.
pub(super) fn read_fast(body: &Encoded) -> Option<PutRecord> {
    let request = object::<FastRequest<'_>>(body)?;
    let above = match request.sequence_number_for_ordering {
        Some(text) => Some(SequenceNumber::parse(&text.0).ok()?),
        None => None,
    };
    let entry = FastEntry {
        data: request.data,
        partition_key: request.partition_key,
        explicit_hash_key: request.explicit_hash_key,
    };
    let stream = stream_fast(request.stream_name, request.stream_arn)?;
    Some(PutRecord { stream, entry: decode_fast(vec![entry], &body.bytes)?.pop()?, above })
}

/// The request, checked member by member.
pub(super) fn read_checked(context: &RequestContext, body: &Encoded) -> Result<PutRecord, ApiError> {
    let mut fields = checked(Operation::PutRecord, body)?;
    let stream = stream(&mut fields)?;
    let number = |text: String| {
        SequenceNumber::parse(&text)
            .map_err(|_| messages::invalid_minimum_sequence_number(&text, name_of(&stream), context.account))
    };
    let above = fields.text("SequenceNumberForOrdering").map(number).transpose()?;
    let entry = entry(&mut fields)?;
    Ok(PutRecord { stream, entry, above })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    #[serde(serialize_with = "output::text")]
    shard_id: ShardId,
    #[serde(serialize_with = "output::text")]
    sequence_number: SequenceNumber,
}

fn print(stored: PutRecordOutput, encoding: Encoding) -> Bytes {
    output::print(encoding, &Output { shard_id: stored.shard, sequence_number: stored.sequence_number })
}

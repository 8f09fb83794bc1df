//! PutRecords.

use super::Operation;
use super::input::{checked, stream};
use super::output;
use super::record::{FastEntry, Object, Text, decode_fast, entry, object, stream_fast};
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, ErrorCode, Kinesis, PutRecords, PutRecordsOutput, PutResult, RequestContext};
use anabranch_types::{SequenceNumber, ShardId, limits};
use bytes::Bytes;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

pub(super) async fn serve<S: Kinesis>(service: &S, context: &RequestContext, body: Encoded) -> Result<Bytes, ApiError> {
    let request = match read_fast(&body) {
        Some(request) => request,
        None => read_checked(&body)?,
    };
    let encoding = body.encoding;
    // What is decoded lives on; a body of JSON need not wait for the disks.
    drop(body);
    let fates = service.put_records(context, request).await?;
    Ok(print(fates, encoding))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FastRequest<'a> {
    #[serde(borrow)]
    stream_name: Option<Text<'a>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    records: FastEntries<'a>,
}

/// As many entries as a request may have, and no memory for more.
struct FastEntries<'a>(Vec<FastEntry<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for FastEntries<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<FastEntry<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("entries")
            }

            #[inline]
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(Object(entry)) = list.next_element()? {
                    if entries.len() == limits::PUT_RECORDS_COUNT_MAX {
                        return Err(A::Error::custom("too many entries"));
                    }
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_seq(Entries).map(FastEntries)
    }
}

/// The request when it has no fault and no rare member.
pub(super) fn read_fast(body: &Encoded) -> Option<PutRecords> {
    let request = object::<FastRequest<'_>>(body)?;
    let stream = stream_fast(request.stream_name, request.stream_arn)?;
    let entries = decode_fast(request.records.0, &body.bytes)?;
    (!entries.is_empty()).then_some(PutRecords { stream, entries })
}

/// The request, checked member by member.
pub(super) fn read_checked(body: &Encoded) -> Result<PutRecords, ApiError> {
    let mut fields = checked(Operation::PutRecords, body)?;
    let stream = stream(&mut fields)?;
    let mut records = fields.structures("Records").expect("the model requires it");
    let entries = records.iter_mut().map(entry).collect::<Result<_, ApiError>>()?;
    Ok(PutRecords { stream, entries })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    failed_record_count: usize,
    records: Vec<Fate>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Fate {
    #[serde(rename_all = "PascalCase")]
    Stored {
        #[serde(serialize_with = "output::text")]
        sequence_number: SequenceNumber,
        #[serde(serialize_with = "output::text")]
        shard_id: ShardId,
    },
    #[serde(rename_all = "PascalCase")]
    Failed { error_code: &'static str, error_message: Cow<'static, str> },
}

impl From<PutResult> for Fate {
    fn from(result: PutResult) -> Self {
        match result {
            Ok(stored) => Fate::Stored { sequence_number: stored.sequence_number, shard_id: stored.shard },
            Err(error) if error.code == ErrorCode::ProvisionedThroughputExceeded => {
                Fate::Failed { error_code: error.code.name(), error_message: error.message }
            }
            // The wire has two codes here; what went wrong inside is for our own log.
            Err(_) => Fate::Failed {
                error_code: ErrorCode::InternalFailure.name(),
                error_message: "Internal Service Failure".into(),
            },
        }
    }
}

fn print(fates: PutRecordsOutput, encoding: Encoding) -> Bytes {
    let failed_record_count = fates.results.iter().filter(|result| result.is_err()).count();
    output::print(
        encoding,
        &Output { failed_record_count, records: fates.results.into_iter().map(Fate::from).collect() },
    )
}

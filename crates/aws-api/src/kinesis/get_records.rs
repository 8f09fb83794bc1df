//! GetRecords.

pub(super) mod cbor;
pub(super) mod json;

use super::Operation;
use super::input::{checked, count, stream_arn};
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, GetRecords, Kinesis, RequestContext, ShardIterator};
use bytes::Bytes;
use std::time::Duration;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let slice = service.get_records(context, read(body)?).await?;
    let answer = match body.encoding {
        Encoding::Json => json::print(slice),
        Encoding::Cbor => cbor::print(slice),
    };
    Ok(Bytes::from(answer))
}

fn read(body: &Encoded) -> Result<GetRecords, ApiError> {
    let mut fields = checked(Operation::GetRecords, body)?;
    let iterator = fields.text("ShardIterator").expect("the model requires it");
    Ok(GetRecords {
        iterator: ShardIterator(unquoted(iterator)),
        limit: count(&mut fields, "Limit"),
        stream_arn: stream_arn(&mut fields)?,
        bytes_max: None,
        wait_max: Duration::ZERO,
    })
}

/// The service reads an iterator that a shell script left in its double quotes; one pair of them.
/// Source: tests of LocalStack that were validated against AWS.
fn unquoted(iterator: String) -> String {
    let inner = iterator.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(str::to_owned);
    inner.unwrap_or(iterator)
}

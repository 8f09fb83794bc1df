//! UpdateMaxRecordSize: no output. It names its stream by ARN alone.

use super::Operation;
use super::input::{checked, stream_arn};
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RequestContext, StreamSelector, UpdateMaxRecordSize, messages};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::UpdateMaxRecordSize, body)?;
    let arn = stream_arn(&mut fields)?.ok_or_else(messages::no_stream_named)?;
    let kib = fields.integer("MaxRecordSizeInKiB").expect("the constraint check refuses what lacks it");
    let max_record_kib = u32::try_from(kib).expect("the model's bounds");
    let request = UpdateMaxRecordSize { stream: StreamSelector { name: None, arn: Some(arn) }, max_record_kib };
    service.update_max_record_size(context, request).await?;
    Ok(Bytes::new())
}

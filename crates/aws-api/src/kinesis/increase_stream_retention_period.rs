//! IncreaseStreamRetentionPeriod: no output.

use super::Operation;
use super::input::{checked, hours, stream};
use crate::encoding::Encoded;
use anabranch_api::{ApiError, IncreaseStreamRetentionPeriod, Kinesis, RequestContext};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::IncreaseStreamRetentionPeriod, body)?;
    let request = IncreaseStreamRetentionPeriod { stream: stream(&mut fields)?, hours: hours(&mut fields) };
    service.increase_stream_retention_period(context, request).await?;
    Ok(Bytes::new())
}

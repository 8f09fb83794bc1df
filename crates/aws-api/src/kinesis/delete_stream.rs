//! DeleteStream: no output.

use super::Operation;
use super::input::{checked, stream};
use crate::encoding::Encoded;
use anabranch_api::{ApiError, DeleteStream, Kinesis, RequestContext};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::DeleteStream, body)?;
    let enforce_consumer_deletion = fields.boolean("EnforceConsumerDeletion").unwrap_or(false);
    let request = DeleteStream { stream: stream(&mut fields)?, enforce_consumer_deletion };
    service.delete_stream(context, request).await?;
    Ok(Bytes::new())
}

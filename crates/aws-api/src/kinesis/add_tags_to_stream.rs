//! AddTagsToStream: no output.

use super::Operation;
use super::input::{checked, stream};
use super::tags;
use crate::encoding::Encoded;
use anabranch_api::{AddTagsToStream, ApiError, Kinesis, RequestContext};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::AddTagsToStream, body)?;
    let request = AddTagsToStream { stream: stream(&mut fields)?, tags: tags::read(&mut fields) };
    service.add_tags_to_stream(context, request).await?;
    Ok(Bytes::new())
}

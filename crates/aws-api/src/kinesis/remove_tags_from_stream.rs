//! RemoveTagsFromStream: no output.

use super::Operation;
use super::input::{checked, stream};
use super::tags;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RemoveTagsFromStream, RequestContext};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::RemoveTagsFromStream, body)?;
    let request = RemoveTagsFromStream { stream: stream(&mut fields)?, keys: tags::read_keys(&mut fields) };
    service.remove_tags_from_stream(context, request).await?;
    Ok(Bytes::new())
}

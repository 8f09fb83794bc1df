//! TagResource: no output.

use super::Operation;
use super::input::{checked, resource};
use super::tags;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RequestContext, TagResource};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::TagResource, body)?;
    let request = TagResource { resource: resource(&mut fields)?, tags: tags::read(&mut fields) };
    service.tag_resource(context, request).await?;
    Ok(Bytes::new())
}

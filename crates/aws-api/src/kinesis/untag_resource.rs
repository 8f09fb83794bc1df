//! UntagResource: no output.

use super::Operation;
use super::input::{checked, resource};
use super::tags;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RequestContext, UntagResource};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::UntagResource, body)?;
    let request = UntagResource { resource: resource(&mut fields)?, keys: tags::read_keys(&mut fields) };
    service.untag_resource(context, request).await?;
    Ok(Bytes::new())
}

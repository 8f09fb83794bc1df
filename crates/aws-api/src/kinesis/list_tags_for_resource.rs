//! ListTagsForResource.

use super::Operation;
use super::input::{checked, resource};
use super::output;
use super::tags::Tag;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, ListTagsForResource, RequestContext};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::ListTagsForResource, body)?;
    let request = ListTagsForResource { resource: resource(&mut fields)? };
    let tags = service.list_tags_for_resource(context, request).await?;
    Ok(output::print(body.encoding, &Output { tags: tags.into_iter().map(Tag::from).collect() }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    tags: Vec<Tag>,
}

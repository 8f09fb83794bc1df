//! ListTagsForStream.

use super::Operation;
use super::input::{checked, count, stream};
use super::output;
use super::tags::{Tag, key};
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, ListTagsForStream, RequestContext};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let page = service.list_tags_for_stream(context, read(body)?).await?;
    let tags = page.tags.into_iter().map(Tag::from).collect();
    Ok(output::print(body.encoding, &Output { tags, has_more_tags: page.has_more_tags }))
}

fn read(body: &Encoded) -> Result<ListTagsForStream, ApiError> {
    let mut fields = checked(Operation::ListTagsForStream, body)?;
    Ok(ListTagsForStream {
        stream: stream(&mut fields)?,
        after: fields.text("ExclusiveStartTagKey").map(|text| key(&text)),
        limit: count(&mut fields, "Limit"),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    tags: Vec<Tag>,
    has_more_tags: bool,
}

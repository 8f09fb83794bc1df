//! AddTagsToStream.

use super::change::{Change, change};
use crate::gateway::Gateway;
use anabranch_api::{AddTagsToStream, ApiError, RequestContext};

pub(crate) async fn add_tags_to_stream(
    gateway: &Gateway,
    context: &RequestContext,
    request: AddTagsToStream,
) -> Result<(), ApiError> {
    change(gateway, context, &request.stream, Change::Add(request.tags)).await
}

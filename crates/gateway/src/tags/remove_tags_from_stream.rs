//! RemoveTagsFromStream.

use super::change::{Change, change};
use crate::gateway::Gateway;
use anabranch_api::{ApiError, RemoveTagsFromStream, RequestContext};

pub(crate) async fn remove_tags_from_stream(
    gateway: &Gateway,
    context: &RequestContext,
    request: RemoveTagsFromStream,
) -> Result<(), ApiError> {
    change(gateway, context, &request.stream, Change::Remove(request.keys)).await
}

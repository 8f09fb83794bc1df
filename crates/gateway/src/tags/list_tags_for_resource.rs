//! ListTagsForResource.

use super::resource;
use crate::gateway::Gateway;
use crate::resolve;
use anabranch_api::{ApiError, ListTagsForResource, RequestContext};
use anabranch_types::Tags;

pub(crate) async fn list_tags_for_resource(
    gateway: &Gateway,
    context: &RequestContext,
    request: &ListTagsForResource,
) -> Result<Tags, ApiError> {
    let stream = resource::stream(context, &request.resource)?;
    Ok(resolve::stream(gateway, context, &stream).await?.tags().clone())
}

//! TagResource.

use super::change::{Change, change};
use super::resource;
use crate::gateway::Gateway;
use anabranch_api::{ApiError, RequestContext, TagResource};

pub(crate) async fn tag_resource(
    gateway: &Gateway,
    context: &RequestContext,
    request: TagResource,
) -> Result<(), ApiError> {
    let stream = resource::stream(context, &request.resource)?;
    change(gateway, context, &stream, Change::Add(request.tags)).await
}

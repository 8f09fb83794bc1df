//! UntagResource.

use super::change::{Change, change};
use super::resource;
use crate::gateway::Gateway;
use anabranch_api::{ApiError, RequestContext, UntagResource};

pub(crate) async fn untag_resource(
    gateway: &Gateway,
    context: &RequestContext,
    request: UntagResource,
) -> Result<(), ApiError> {
    let stream = resource::stream(context, &request.resource)?;
    change(gateway, context, &stream, Change::Remove(request.keys)).await
}

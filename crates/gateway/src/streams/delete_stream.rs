//! DeleteStream.

use crate::gateway::Gateway;
use crate::resolve::{node_failed, stream_name};
use anabranch_api::{ApiError, DeleteStream, RequestContext, messages};

pub(crate) async fn delete_stream(
    gateway: &Gateway,
    context: &RequestContext,
    request: DeleteStream,
) -> Result<(), ApiError> {
    let name = stream_name(context, &request.stream)?;
    let deleted = gateway.metadata.delete_stream(context.account, name.clone()).await;
    if deleted.map_err(|error| node_failed(&error))? {
        Ok(())
    } else {
        Err(messages::stream_not_found(&name, context.account))
    }
}

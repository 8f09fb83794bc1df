//! Which resource of the service an ARN means.

use anabranch_api::{ApiError, RequestContext, ResourceArn, StreamSelector, messages};

/// The stream that the ARN names. Nothing but streams has tags here: consumers, channels and queues
/// are not there to be found.
///
/// # Errors
/// `ResourceNotFound` for any other resource.
pub(super) fn stream(context: &RequestContext, resource: &ResourceArn) -> Result<StreamSelector, ApiError> {
    match resource {
        ResourceArn::Stream(arn) => Ok(StreamSelector { name: None, arn: Some(arn.clone()) }),
        ResourceArn::Other(arn) => Err(messages::resource_not_found(arn, context.account)),
    }
}

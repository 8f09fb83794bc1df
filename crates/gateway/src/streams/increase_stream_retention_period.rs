//! IncreaseStreamRetentionPeriod.

use super::retention;
use crate::gateway::Gateway;
use anabranch_api::{ApiError, IncreaseStreamRetentionPeriod, RequestContext};
use anabranch_catalog::RetentionMove;

pub(crate) async fn increase_stream_retention_period(
    gateway: &Gateway,
    context: &RequestContext,
    request: IncreaseStreamRetentionPeriod,
) -> Result<(), ApiError> {
    retention::change(gateway, context, &request.stream, RetentionMove::Increase, request.hours).await
}

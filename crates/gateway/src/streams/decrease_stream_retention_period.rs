//! DecreaseStreamRetentionPeriod.

use super::retention;
use crate::gateway::Gateway;
use anabranch_api::{ApiError, DecreaseStreamRetentionPeriod, RequestContext};
use anabranch_catalog::RetentionMove;

pub(crate) async fn decrease_stream_retention_period(
    gateway: &Gateway,
    context: &RequestContext,
    request: DecreaseStreamRetentionPeriod,
) -> Result<(), ApiError> {
    retention::change(gateway, context, &request.stream, RetentionMove::Decrease, request.hours).await
}

//! DescribeStreamConsumer.

use super::named;
use crate::convert;
use crate::gateway::Gateway;
use anabranch_api::{ApiError, Consumer, DescribeStreamConsumer, RequestContext};

pub(crate) async fn describe_stream_consumer(
    gateway: &Gateway,
    context: &RequestContext,
    request: &DescribeStreamConsumer,
) -> Result<Consumer, ApiError> {
    let found = named::consumer(gateway, context, &request.consumer).await?;
    Ok(convert::consumer(context, &found.map, &found.consumer))
}

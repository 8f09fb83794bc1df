//! DescribeStreamSummary.

use crate::gateway::Gateway;
use crate::{convert, resolve};
use anabranch_api::{ApiError, DescribeStreamSummary, RequestContext, StreamDescriptionSummary};

pub(crate) async fn describe_stream_summary(
    gateway: &Gateway,
    context: &RequestContext,
    request: &DescribeStreamSummary,
) -> Result<StreamDescriptionSummary, ApiError> {
    let map = resolve::stream(gateway, context, &request.stream).await?;
    let max_record_kib = map.stream.max_record_bytes / 1024;
    Ok(StreamDescriptionSummary {
        arn: convert::arn(context, &map),
        status: convert::status(map.stream.status),
        retention: map.stream.retention,
        created: map.stream.created,
        open_shard_count: map.open_count(),
        consumer_count: map.consumer_count(),
        max_record_kib: u32::try_from(max_record_kib).expect("a record has at most 10 MiB"),
    })
}

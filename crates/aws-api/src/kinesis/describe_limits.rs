//! DescribeLimits: no input.

use super::Operation;
use super::input::checked;
use super::output;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RequestContext};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    checked(Operation::DescribeLimits, body)?;
    let limits = service.describe_limits(context).await?;
    let output = Output {
        shard_limit: limits.shard_limit,
        open_shard_count: limits.open_shards,
        on_demand_stream_count: limits.on_demand_streams,
        on_demand_stream_count_limit: limits.on_demand_stream_limit,
    };
    Ok(output::print(body.encoding, &output))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    shard_limit: u32,
    open_shard_count: u32,
    on_demand_stream_count: u32,
    on_demand_stream_count_limit: u32,
}

//! MergeShards: no output.

use super::Operation;
use super::input::{checked, stream};
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, MergeShards, RequestContext};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::MergeShards, body)?;
    let request = MergeShards {
        stream: stream(&mut fields)?,
        shard: fields.text("ShardToMerge").expect("the model requires it"),
        adjacent: fields.text("AdjacentShardToMerge").expect("the model requires it"),
    };
    service.merge_shards(context, request).await?;
    Ok(Bytes::new())
}

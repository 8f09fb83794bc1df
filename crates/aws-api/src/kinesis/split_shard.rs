//! SplitShard: no output.

use super::Operation;
use super::input::{checked, stream};
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RequestContext, SplitShard};
use bytes::Bytes;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::SplitShard, body)?;
    let request = SplitShard {
        stream: stream(&mut fields)?,
        shard: fields.text("ShardToSplit").expect("the model requires it"),
        at: fields.text("NewStartingHashKey").expect("the model requires it"),
    };
    service.split_shard(context, request).await?;
    Ok(Bytes::new())
}

//! UpdateShardCount. The model has one scaling type, so that it need not be read.

use super::Operation;
use super::input::{checked, stream};
use super::output;
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, Kinesis, RequestContext, UpdateShardCount, UpdateShardCountOutput};
use anabranch_types::{StreamArn, StreamName};
use bytes::Bytes;
use serde::Serialize;
use std::num::NonZeroU32;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::UpdateShardCount, body)?;
    let target = fields.integer("TargetShardCount").expect("the model requires it");
    let target = u32::try_from(target).ok().and_then(NonZeroU32::new);
    let request = UpdateShardCount {
        stream: stream(&mut fields)?,
        target: target.expect("the model's minimum is 1 and integers have 32 bits"),
    };
    Ok(print(service.update_shard_count(context, request).await?, body.encoding))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    #[serde(serialize_with = "output::text")]
    stream_name: StreamName,
    current_shard_count: u32,
    target_shard_count: u32,
    #[serde(rename = "StreamARN", serialize_with = "output::text")]
    stream_arn: StreamArn,
}

fn print(output: UpdateShardCountOutput, encoding: Encoding) -> Bytes {
    let UpdateShardCountOutput { arn, current, target } = output;
    output::print(
        encoding,
        &Output {
            stream_name: arn.name.clone(),
            current_shard_count: current,
            target_shard_count: target,
            stream_arn: arn,
        },
    )
}

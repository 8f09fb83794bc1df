//! DescribeStream.

use super::Operation;
use super::input::{checked, count, shard_of, stream};
use super::output::{self, EnhancedMetrics, StreamModeDetails};
use super::shard::PrintedShard;
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, DescribeStream, Kinesis, RequestContext, StreamDescription};
use anabranch_types::{StreamArn, StreamName, Timestamp};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let description = service.describe_stream(context, read(context, body)?).await?;
    Ok(print(description, body.encoding))
}

fn read(context: &RequestContext, body: &Encoded) -> Result<DescribeStream, ApiError> {
    let mut fields = checked(Operation::DescribeStream, body)?;
    let stream = stream(&mut fields)?;
    let limit = count(&mut fields, "Limit");
    let after = shard_of(&mut fields, "ExclusiveStartShardId", &stream, context.account)?;
    Ok(DescribeStream { stream, limit, after })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    stream_description: Description,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    #[serde(serialize_with = "output::text")]
    stream_name: StreamName,
    #[serde(rename = "StreamARN", serialize_with = "output::text")]
    stream_arn: StreamArn,
    stream_status: &'static str,
    stream_mode_details: StreamModeDetails,
    shards: Vec<PrintedShard>,
    has_more_shards: bool,
    retention_period_hours: u64,
    #[serde(serialize_with = "output::moment")]
    stream_creation_timestamp: Timestamp,
    enhanced_monitoring: [EnhancedMetrics; 1],
    encryption_type: &'static str,
}

fn print(description: StreamDescription, encoding: Encoding) -> Bytes {
    output::print(
        encoding,
        &Output {
            stream_description: Description {
                stream_name: description.arn.name.clone(),
                stream_arn: description.arn,
                stream_status: description.status.as_str(),
                stream_mode_details: StreamModeDetails::PROVISIONED,
                shards: description.shards.into_iter().map(PrintedShard::from).collect(),
                has_more_shards: description.has_more_shards,
                retention_period_hours: output::hours(description.retention),
                stream_creation_timestamp: description.created,
                enhanced_monitoring: [EnhancedMetrics::default()],
                encryption_type: "NONE",
            },
        },
    )
}

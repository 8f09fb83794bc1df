//! DescribeStreamSummary. Never prints StreamId: SDKs that learn one leave the endpoint they
//! were given (D13).

use super::Operation;
use super::input::{checked, stream};
use super::output::{self, EnhancedMetrics, StreamModeDetails};
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, DescribeStreamSummary, Kinesis, RequestContext, StreamDescriptionSummary};
use anabranch_types::{StreamArn, StreamName, Timestamp};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::DescribeStreamSummary, body)?;
    let request = DescribeStreamSummary { stream: stream(&mut fields)? };
    let summary = service.describe_stream_summary(context, request).await?;
    Ok(print(summary, body.encoding))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    stream_description_summary: Summary,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    #[serde(serialize_with = "output::text")]
    stream_name: StreamName,
    #[serde(rename = "StreamARN", serialize_with = "output::text")]
    stream_arn: StreamArn,
    stream_status: &'static str,
    stream_mode_details: StreamModeDetails,
    retention_period_hours: u64,
    #[serde(serialize_with = "output::moment")]
    stream_creation_timestamp: Timestamp,
    enhanced_monitoring: [EnhancedMetrics; 1],
    encryption_type: &'static str,
    open_shard_count: u32,
    consumer_count: u32,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_size_in_kib: u32,
    channel_count: u32,
    queue_count: u32,
    record_distribution_strategy: &'static str,
}

fn print(summary: StreamDescriptionSummary, encoding: Encoding) -> Bytes {
    output::print(
        encoding,
        &Output {
            stream_description_summary: Summary {
                stream_name: summary.arn.name.clone(),
                stream_arn: summary.arn,
                stream_status: summary.status.as_str(),
                stream_mode_details: StreamModeDetails::PROVISIONED,
                retention_period_hours: output::hours(summary.retention),
                stream_creation_timestamp: summary.created,
                enhanced_monitoring: [EnhancedMetrics::default()],
                encryption_type: "NONE",
                open_shard_count: summary.open_shard_count,
                consumer_count: summary.consumer_count,
                max_record_size_in_kib: summary.max_record_kib,
                channel_count: 0,
                queue_count: 0,
                record_distribution_strategy: "USER_PARTITION_KEY",
            },
        },
    )
}

//! DescribeStreamConsumer.

use super::Operation;
use super::consumer::{PrintedConsumer, selector};
use super::input::checked;
use super::output;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, DescribeStreamConsumer, Kinesis, RequestContext};
use anabranch_types::StreamArn;
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let mut fields = checked(Operation::DescribeStreamConsumer, body)?;
    let request = DescribeStreamConsumer { consumer: selector(&mut fields)? };
    let consumer = service.describe_stream_consumer(context, request).await?;
    let stream_arn = consumer.arn.stream.clone();
    let consumer_description = Description { consumer: consumer.into(), stream_arn };
    Ok(output::print(body.encoding, &Output { consumer_description }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    consumer_description: Description,
}

#[derive(Serialize)]
struct Description {
    #[serde(flatten)]
    consumer: PrintedConsumer,
    #[serde(rename = "StreamARN", serialize_with = "output::text")]
    stream_arn: StreamArn,
}

//! ListStreams.

use super::Operation;
use super::input::{checked, count, stream_name};
use super::output::{self, StreamModeDetails};
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, Kinesis, ListStreams, ListStreamsOutput, RequestContext, StreamSummary};
use anabranch_types::{StreamArn, StreamName, Timestamp};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let page = service.list_streams(context, read(body)?).await?;
    Ok(print(page, body.encoding))
}

fn read(body: &Encoded) -> Result<ListStreams, ApiError> {
    let mut fields = checked(Operation::ListStreams, body)?;
    Ok(ListStreams {
        limit: count(&mut fields, "Limit"),
        after: fields.text("ExclusiveStartStreamName").map(|name| stream_name(&name)),
        next_token: fields.text("NextToken"),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    stream_names: Vec<String>,
    has_more_streams: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    stream_summaries: Vec<Summary>,
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
    #[serde(serialize_with = "output::moment")]
    stream_creation_timestamp: Timestamp,
}

impl From<StreamSummary> for Summary {
    fn from(summary: StreamSummary) -> Self {
        Summary {
            stream_name: summary.arn.name.clone(),
            stream_arn: summary.arn,
            stream_status: summary.status.as_str(),
            stream_mode_details: StreamModeDetails::PROVISIONED,
            stream_creation_timestamp: summary.created,
        }
    }
}

fn print(page: ListStreamsOutput, encoding: Encoding) -> Bytes {
    output::print(
        encoding,
        &Output {
            stream_names: page.streams.iter().map(|summary| summary.arn.name.to_string()).collect(),
            has_more_streams: page.next_token.is_some(),
            next_token: page.next_token,
            stream_summaries: page.streams.into_iter().map(Summary::from).collect(),
        },
    )
}

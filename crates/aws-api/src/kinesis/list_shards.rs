//! ListShards.

use super::Operation;
use super::input::{checked, count, optional_stream, shard_of, stream_arn};
use super::output;
use super::shard::PrintedShard;
use crate::encoding::{Encoded, Encoding};
use crate::model::Fields;
use anabranch_api::{
    ApiError, Kinesis, ListShards, ListShardsOutput, RequestContext, ShardFilter, ShardPage, StreamSelector, messages,
};
use anabranch_types::AccountId;
use bytes::Bytes;
use serde::Serialize;

/// Members that a page token stands for. A StreamARN may come with it, as with every call of a
/// producer; the service compares the two.
const DECIDED_BY_TOKEN: [&str; 4] = ["StreamName", "StreamCreationTimestamp", "ExclusiveStartShardId", "ShardFilter"];

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let page = service.list_shards(context, read(context, body)?).await?;
    Ok(print(page, body.encoding))
}

fn read(context: &RequestContext, body: &Encoded) -> Result<ListShards, ApiError> {
    let mut fields = checked(Operation::ListShards, body)?;
    let max_results = count(&mut fields, "MaxResults");
    let page = match fields.text("NextToken") {
        Some(token) => {
            if let Some(member) = DECIDED_BY_TOKEN.into_iter().find(|member| fields.get(member).is_some()) {
                return Err(messages::token_together_with(member));
            }
            ShardPage::Next { token, stream_arn: stream_arn(&mut fields)? }
        }
        None => {
            let stream = optional_stream(&mut fields)?.ok_or_else(messages::neither_token_nor_stream)?;
            first_page(&mut fields, stream, context.account)?
        }
    };
    Ok(ListShards { page, max_results })
}

fn first_page(fields: &mut Fields, stream: StreamSelector, account: AccountId) -> Result<ShardPage, ApiError> {
    let after = shard_of(fields, "ExclusiveStartShardId", &stream, account)?;
    let created = fields.timestamp("StreamCreationTimestamp");
    let filter = match fields.fields("ShardFilter") {
        Some(_) if after.is_some() => {
            return Err(messages::contradiction("ExclusiveStartShardId and ShardFilter cannot be provided together."));
        }
        Some(mut filter) => shard_filter(&mut filter, &stream, account)?,
        None => ShardFilter::FromTrimHorizon,
    };
    Ok(ShardPage::First { stream, after, filter, created })
}

fn shard_filter(fields: &mut Fields, stream: &StreamSelector, account: AccountId) -> Result<ShardFilter, ApiError> {
    let kind = fields.text("Type").expect("the model requires it");
    let shard = shard_of(fields, "ShardId", stream, account)?;
    let moment = fields.timestamp("Timestamp");
    if shard.is_some() != (kind == "AFTER_SHARD_ID") {
        return Err(messages::contradiction("ShardFilter: ShardId goes with Type AFTER_SHARD_ID, and only with it."));
    }
    if moment.is_some() != kind.ends_with("_TIMESTAMP") {
        return Err(messages::contradiction(
            "ShardFilter: Timestamp goes with Type AT_TIMESTAMP or FROM_TIMESTAMP, and only with them.",
        ));
    }
    Ok(match (kind.as_str(), shard, moment) {
        ("AFTER_SHARD_ID", Some(shard), _) => ShardFilter::AfterShardId(shard),
        ("AT_TIMESTAMP", _, Some(moment)) => ShardFilter::AtTimestamp(moment),
        ("FROM_TIMESTAMP", _, Some(moment)) => ShardFilter::FromTimestamp(moment),
        ("AT_TRIM_HORIZON", ..) => ShardFilter::AtTrimHorizon,
        ("FROM_TRIM_HORIZON", ..) => ShardFilter::FromTrimHorizon,
        ("AT_LATEST", ..) => ShardFilter::AtLatest,
        (other, ..) => unreachable!("the model has no shard filter {other}"),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    shards: Vec<PrintedShard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

fn print(page: ListShardsOutput, encoding: Encoding) -> Bytes {
    let shards = page.shards.into_iter().map(PrintedShard::from).collect();
    output::print(encoding, &Output { shards, next_token: page.next_token })
}

//! What the operations' readers share: the checks in their order, and how a stream is named.

use super::{Operation, unsupported};
use crate::encoding::Encoded;
use crate::model::{self, Fields, MODEL};
use anabranch_api::{ApiError, ResourceArn, StreamSelector, messages};
use anabranch_types::{ShardId, StreamArn, StreamName};

/// Reads a request and checks, in the service's order, types and constraints; then that it asks
/// for nothing that is not served.
pub(super) fn checked(operation: Operation, body: &Encoded) -> Result<Fields, ApiError> {
    let fields = model::read(MODEL.input(operation), body)?;
    model::check(&fields)?;
    unsupported::check(operation, &fields)?;
    Ok(fields)
}

/// Takes `StreamName` and `StreamARN` of an operation that needs one of them.
pub(super) fn stream(fields: &mut Fields) -> Result<StreamSelector, ApiError> {
    match optional_stream(fields)? {
        Some(stream) => Ok(stream),
        None => model::absent("streamName"),
    }
}

/// Takes `StreamName` and `StreamARN`; none when both are absent.
pub(super) fn optional_stream(fields: &mut Fields) -> Result<Option<StreamSelector>, ApiError> {
    let name = fields.text("StreamName").map(|name| stream_name(&name));
    let arn = stream_arn(fields)?;
    if let (Some(name), Some(arn)) = (&name, &arn)
        && *name != arn.name
    {
        return Err(messages::stream_name_and_arn_differ(name, arn));
    }
    let named = name.is_some() || arn.is_some();
    Ok(named.then_some(StreamSelector { name, arn }))
}

/// Takes `StreamARN`.
pub(super) fn stream_arn(fields: &mut Fields) -> Result<Option<StreamArn>, ApiError> {
    let parse = |arn: String| StreamArn::parse(&arn).map_err(|_| messages::invalid_stream_arn("StreamARN"));
    fields.text("StreamARN").map(parse).transpose()
}

/// Takes `ResourceARN`, which the model requires.
pub(super) fn resource(fields: &mut Fields) -> Result<ResourceArn, ApiError> {
    let arn = fields.text("ResourceARN").expect("the model requires it");
    ResourceArn::parse(&arn).map_err(|_| messages::invalid_resource_arn())
}

/// A name that the constraint check has passed.
pub(super) fn stream_name(checked: &str) -> StreamName {
    StreamName::new(checked).expect("the model's constraints on names are the domain's")
}

/// Takes a count such as `Limit`, which the constraint check has found to be at least 1.
pub(super) fn count(fields: &mut Fields, name: &str) -> Option<usize> {
    fields.integer(name).map(|count| usize::try_from(count).expect("the model's minimum is 1"))
}

/// Takes `RetentionPeriodHours`, which the model requires.
pub(super) fn hours(fields: &mut Fields) -> i64 {
    fields.integer("RetentionPeriodHours").expect("the constraint check refuses what lacks it")
}

/// The stream that a selector names.
pub(super) fn name_of(stream: &StreamSelector) -> &StreamName {
    let name = stream.name.as_ref().or(stream.arn.as_ref().map(|arn| &arn.name));
    name.expect("a selector has a name or an arn")
}

/// Takes the shard `member` of a request about `stream`.
pub(super) fn shard_of(
    fields: &mut Fields,
    member: &str,
    stream: &StreamSelector,
    account: anabranch_types::AccountId,
) -> Result<Option<ShardId>, ApiError> {
    let parse =
        |shard: String| ShardId::parse(&shard).map_err(|_| messages::shard_not_found(&shard, name_of(stream), account));
    fields.text(member).map(parse).transpose()
}

//! How a request names a consumer, and how one is printed.

use super::input::stream_arn;
use super::output;
use crate::model::Fields;
use anabranch_api::{ApiError, Consumer, ConsumerSelector, messages};
use anabranch_types::{ConsumerArn, ConsumerName, StreamArn, Timestamp};
use serde::Serialize;

/// Takes `ConsumerARN`, `StreamARN` and `ConsumerName` of an operation that needs some of them.
pub(super) fn selector(fields: &mut Fields) -> Result<ConsumerSelector, ApiError> {
    Ok(ConsumerSelector {
        arn: consumer_arn(fields)?,
        stream: stream_arn(fields)?,
        name: fields.text("ConsumerName").map(|name| consumer_name(&name)),
    })
}

/// Takes `ConsumerARN`.
pub(super) fn consumer_arn(fields: &mut Fields) -> Result<Option<ConsumerArn>, ApiError> {
    let parse = |arn: String| ConsumerArn::parse(&arn).map_err(|_| messages::invalid_consumer_arn());
    fields.text("ConsumerARN").map(parse).transpose()
}

/// Takes `StreamARN` of an operation whose model requires it.
pub(super) fn required_stream(fields: &mut Fields) -> Result<StreamArn, ApiError> {
    Ok(stream_arn(fields)?.expect("the model requires it"))
}

/// A name that the constraint check has passed.
pub(super) fn consumer_name(checked: &str) -> ConsumerName {
    ConsumerName::new(checked).expect("the model's constraints on names are the domain's")
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PrintedConsumer {
    #[serde(serialize_with = "output::text")]
    consumer_name: ConsumerName,
    #[serde(rename = "ConsumerARN", serialize_with = "output::text")]
    consumer_arn: ConsumerArn,
    consumer_status: &'static str,
    #[serde(serialize_with = "output::moment")]
    consumer_creation_timestamp: Timestamp,
}

impl From<Consumer> for PrintedConsumer {
    fn from(consumer: Consumer) -> Self {
        PrintedConsumer {
            consumer_name: consumer.arn.name.clone(),
            consumer_arn: consumer.arn,
            consumer_status: consumer.status.as_str(),
            consumer_creation_timestamp: consumer.created,
        }
    }
}

//! RegisterStreamConsumer.

use super::Operation;
use super::consumer::{PrintedConsumer, consumer_name, required_stream};
use super::input::checked;
use super::output;
use crate::encoding::Encoded;
use anabranch_api::{ApiError, Kinesis, RegisterStreamConsumer, RequestContext, messages};
use bytes::Bytes;
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<Bytes, ApiError> {
    let consumer = service.register_stream_consumer(context, read(body)?).await?;
    Ok(output::print(body.encoding, &Output { consumer: consumer.into() }))
}

fn read(body: &Encoded) -> Result<RegisterStreamConsumer, ApiError> {
    let mut fields = checked(Operation::RegisterStreamConsumer, body)?;
    if fields.get("Tags").is_some() {
        return Err(messages::not_supported("Tags of consumers are not supported."));
    }
    let name = fields.text("ConsumerName").expect("the model requires it");
    Ok(RegisterStreamConsumer { stream: required_stream(&mut fields)?, name: consumer_name(&name) })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    consumer: PrintedConsumer,
}

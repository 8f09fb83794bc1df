//! SubscribeToShard: the request, and how one event is printed.

use super::Operation;
use super::consumer::consumer_arn;
use super::get_records::{cbor, json};
use super::get_shard_iterator::{Start, start_of};
use super::input::checked;
use super::output;
use crate::encoding::{Encoded, Encoding};
use anabranch_api::{ApiError, Kinesis, RequestContext, SubscribeToShard, SubscribeToShardEvent};
use serde::Serialize;

pub(super) async fn serve<S: Kinesis>(
    service: &S,
    context: &RequestContext,
    body: &Encoded,
) -> Result<S::Subscription, ApiError> {
    service.subscribe_to_shard(context, read(context, body)?).await
}

fn read(context: &RequestContext, body: &Encoded) -> Result<SubscribeToShard, ApiError> {
    let mut fields = checked(Operation::SubscribeToShard, body)?;
    let consumer = consumer_arn(&mut fields)?.expect("the model requires it");
    let shard = fields.text("ShardId").expect("the model requires it");
    let mut position = fields.fields("StartingPosition").expect("the model requires it");
    let start = Start {
        kind: position.text("Type").expect("the model requires it"),
        sequence_number: position.text("SequenceNumber"),
        timestamp: position.timestamp("Timestamp"),
    };
    let start = start_of(start, &shard, &consumer.stream.name, context.account)?;
    Ok(SubscribeToShard { consumer, shard, start })
}

/// An event, to be printed into its message.
pub(crate) struct EventPrinter {
    encoding: Encoding,
    event: SubscribeToShardEvent,
}

impl EventPrinter {
    pub(crate) fn new(encoding: Encoding, event: SubscribeToShardEvent) -> Self {
        EventPrinter { encoding, event }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bytes of the print; a little more than needed, but for children and keys that need escapes.
    pub(crate) fn bytes(&self) -> usize {
        match self.encoding {
            Encoding::Json => json::event_bytes(&self.event),
            Encoding::Cbor => cbor::event_bytes(&self.event),
        }
    }

    /// Appends the print. At the end of a shard the continuation is left out, although the model requires
    /// it: the KCL tells the end by that. Source: FanOutRecordsPublisher of the KCL.
    pub(crate) fn print(self, payload: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Json => json::print_event(self.event, payload),
            Encoding::Cbor => cbor::print_event(self.event, payload),
        }
    }
}

#[derive(Serialize)]
struct Exception<'a> {
    message: &'a str,
}

/// Appends what an exception says.
pub(crate) fn print_exception(encoding: Encoding, message: &str, payload: &mut Vec<u8>) {
    payload.extend_from_slice(&output::print(encoding, &Exception { message }));
}

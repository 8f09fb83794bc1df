//! Event streams: the answer of SubscribeToShard, message by message.
//!
//! The body asks the service for an event when the connection has taken the one before: a client that
//! does not read holds up its own subscription and nothing else.

mod crc32;
mod message;

use crate::encoding::Encoding;
use crate::kinesis;
use anabranch_api::{ApiError, ErrorCode, Kinesis};
use anabranch_runtime::MemoryBudget;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http_body_util::StreamBody;
use hyper::body::Frame;
use message::Message;
use std::convert::Infallible;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// The body of an event stream.
pub type EventBody = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

/// The media type of an event stream.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.amazon.eventstream";

/// Messages up to this size fit the buffers that every connection has anyway.
const SMALL_MESSAGE_BYTES: usize = 4 << 10;
/// What an exception of the service's own has as its message's payload, at the most usually.
const EXCEPTION_BYTES: usize = 256;

/// What the events of one subscription need.
pub(crate) struct Events<S: Kinesis> {
    pub(crate) service: Arc<S>,
    pub(crate) subscription: S::Subscription,
    /// The request's.
    pub(crate) encoding: Encoding,
    /// Charged for each message until the client has taken it (D16).
    pub(crate) memory: MemoryBudget,
    /// Cancelled when its client keeps memory waiting that others need.
    pub(crate) connection: CancellationToken,
    /// Cancelled when the node drains.
    pub(crate) stopping: CancellationToken,
}

/// How far a stream is.
enum Stage {
    Opening,
    Running,
    Over,
}

impl<S: Kinesis> Events<S> {
    /// The whole answer. It ends without a word when the subscription is over, when the node drains and
    /// when there is no memory for an event: the client subscribes anew, after what it was given.
    pub(crate) fn into_body(self) -> EventBody {
        let messages = stream::unfold((self, Stage::Opening), |(mut events, stage)| async move {
            let (message, stage) = match stage {
                Stage::Opening => (initial_response(events.encoding), Stage::Running),
                Stage::Running => events.next().await?,
                Stage::Over => return None,
            };
            Some((Ok(Frame::data(message)), (events, stage)))
        });
        StreamBody::new(messages.boxed())
    }

    async fn next(&mut self) -> Option<(Bytes, Stage)> {
        let next = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return None,
            next = self.service.next_event(&mut self.subscription) => next,
        };
        match next {
            Ok(event) => {
                let printed = event_message(kinesis::EventPrinter::new(self.encoding, event?));
                let charged = charged(printed, &self.memory, &self.connection).await?;
                Some((charged, Stage::Running))
            }
            Err(error) => Some((exception(self.encoding, &error), Stage::Over)),
        }
    }
}

/// The message, charged until the client has taken it; none when there is no memory for it.
async fn charged(message: Bytes, memory: &MemoryBudget, connection: &CancellationToken) -> Option<Bytes> {
    if message.len() <= SMALL_MESSAGE_BYTES {
        return Some(message);
    }
    let mut charge = memory.open();
    match charge.grow_to_claiming(message.len()).await {
        Ok(()) => Some(charge.hold_for_client(message, connection.clone())),
        Err(spent) => {
            debug!(%spent, "subscription ended, no memory for its next event");
            None
        }
    }
}

fn initial_response(encoding: Encoding) -> Bytes {
    let mut message = Message::new(&headers("event", ":event-type", "initial-response", encoding), 2);
    message.payload().extend_from_slice(match encoding {
        Encoding::Json => b"{}",
        // A map of indefinite length, as all of them.
        Encoding::Cbor => b"\xbf\xff",
    });
    message.finish()
}

fn event_message(event: kinesis::EventPrinter) -> Bytes {
    let headers = headers("event", ":event-type", "SubscribeToShardEvent", event.encoding());
    let mut message = Message::new(&headers, event.bytes());
    event.print(message.payload());
    message.finish()
}

/// The model knows three exceptions that can come here; whatever is wrong inside is the last.
fn exception(encoding: Encoding, error: &ApiError) -> Bytes {
    let name = match error.code {
        ErrorCode::ResourceNotFound | ErrorCode::ResourceInUse => error.code.name(),
        _ => "InternalFailureException",
    };
    let mut message = Message::new(&headers("exception", ":exception-type", name, encoding), EXCEPTION_BYTES);
    kinesis::print_exception(encoding, &error.message, message.payload());
    message.finish()
}

fn headers<'a>(
    message_type: &'static str,
    what: &'static str,
    name: &'a str,
    encoding: Encoding,
) -> [(&'static str, &'a str); 3] {
    [(what, name), (":content-type", encoding.media_type()), (":message-type", message_type)]
}

#[cfg(test)]
pub(crate) use message::tests::{Read, read};

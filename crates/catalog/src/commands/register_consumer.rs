//! Registers a consumer of a stream.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::consumer::{Consumer, ConsumerChanged};
use crate::edit::Edit;
use crate::stream::{StreamMap, StreamStatus};
use anabranch_types::{ConsumerName, RequestId, StreamUid, Timestamp};

/// Proposed for a client's RegisterStreamConsumer. The consumer is there, and ACTIVE, at once.
///
/// A stream that is being resharded registers consumers: they have nothing to do with its shards,
/// and consumers that start just then would otherwise have to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterConsumer {
    /// The stream.
    pub uid: StreamUid,
    /// The new consumer's name.
    pub name: ConsumerName,
    /// The proposer's time.
    pub now: Timestamp,
    /// Consumers that the stream may have.
    pub consumer_limit: u32,
    /// The client's call; repeated, it finds what it registered (I12).
    pub request: RequestId,
}

fields!(RegisterConsumer { uid, name, now, consumer_limit, request });

refusals! {
    /// Nothing was registered. Source of the rules: AWS API reference, RegisterStreamConsumer.
    RegisterConsumerRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// Only a stream that takes reads has consumers.
        #[error("the stream is {status:?}")]
        4 => Status {
            /// Where the stream stands.
            status: StreamStatus,
        },
        /// The name is taken.
        #[error("the stream has a consumer of this name since {created}")]
        5 => Exists {
            /// When the consumer of that name was registered.
            created: Timestamp,
        },
        /// The stream has as many consumers as it may have.
        #[error("the stream has {current} consumers of {limit}")]
        6 => Limit {
            /// Consumers of the stream.
            current: u32,
            /// Consumers that it may have.
            limit: u32,
        },
    }
}

impl Command for RegisterConsumer {
    const KIND: CommandKind = CommandKind::RegisterConsumer;
    type Done = ConsumerChanged;
    type Refused = RegisterConsumerRefused;
}

impl RegisterConsumer {
    fn judge(&self, stream: &StreamMap) -> Result<(), RegisterConsumerRefused> {
        let status = stream.stream.status;
        if matches!(status, StreamStatus::Creating | StreamStatus::Deleting) {
            return Err(RegisterConsumerRefused::Status { status });
        }
        if let Some(consumer) = stream.consumer(&self.name) {
            return Err(RegisterConsumerRefused::Exists { created: consumer.created });
        }
        let (current, limit) = (stream.consumer_count(), self.consumer_limit);
        if current >= limit { Err(RegisterConsumerRefused::Limit { current, limit }) } else { Ok(()) }
    }
}

impl Gated for RegisterConsumer {
    fn change(self, edit: &mut Edit<'_>) -> Result<ConsumerChanged, RegisterConsumerRefused> {
        let uid = self.uid;
        let stream = edit.catalog().map.stream(uid).cloned().ok_or(RegisterConsumerRefused::NoStream { uid })?;
        if let Some(changed) = stream.consumer_rows().answered(self.request) {
            return Ok(changed);
        }
        self.judge(&stream)?;
        let changed = ConsumerChanged { version: edit.next_version(), created: self.now };
        let consumer = Consumer { id: changed.version, name: self.name, created: changed.created };
        let mut consumers = stream.consumer_rows().clone();
        consumers.by_name.insert(consumer.name.clone(), consumer);
        consumers.remember(self.request, changed);
        edit.replace_stream(&stream, stream.with_consumers(consumers));
        Ok(changed)
    }
}

//! Forgets a consumer of a stream.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::consumer::ConsumerChanged;
use crate::edit::Edit;
use anabranch_types::{ConsumerName, MapVersion, RequestId, StreamUid};

/// Proposed for a client's DeregisterStreamConsumer. The consumer is gone at once; its subscriptions
/// end as gateways see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeregisterConsumer {
    /// The stream.
    pub uid: StreamUid,
    /// The consumer's name.
    pub name: ConsumerName,
    /// The consumer that is meant, and not another that had or has its name.
    pub id: MapVersion,
    /// The client's call; repeated, it finds what it did (I12).
    pub request: RequestId,
}

fields!(DeregisterConsumer { uid, name, id, request });

refusals! {
    /// Nothing was changed.
    DeregisterConsumerRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// The stream has no such consumer (any more).
        #[error("there is no consumer {id}")]
        4 => NoConsumer {
            /// The consumer asked for.
            id: MapVersion,
        },
    }
}

impl Command for DeregisterConsumer {
    const KIND: CommandKind = CommandKind::DeregisterConsumer;
    type Done = ConsumerChanged;
    type Refused = DeregisterConsumerRefused;
}

impl Gated for DeregisterConsumer {
    fn change(self, edit: &mut Edit<'_>) -> Result<ConsumerChanged, DeregisterConsumerRefused> {
        let DeregisterConsumer { uid, name, id, request } = self;
        let stream = edit.catalog().map.stream(uid).cloned().ok_or(DeregisterConsumerRefused::NoStream { uid })?;
        let mut consumers = stream.consumer_rows().clone();
        if let Some(changed) = consumers.answered(request) {
            return Ok(changed);
        }
        let named = consumers.by_name.get(&name).filter(|consumer| consumer.id == id);
        let created = named.ok_or(DeregisterConsumerRefused::NoConsumer { id })?.created;
        let changed = ConsumerChanged { version: edit.next_version(), created };
        consumers.by_name.remove(&name);
        consumers.remember(request, changed);
        edit.replace_stream(&stream, stream.with_consumers(consumers));
        Ok(changed)
    }
}

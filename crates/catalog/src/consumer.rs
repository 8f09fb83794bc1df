//! Consumers that a stream has registered for enhanced fan-out.
//!
//! Who reads what as which consumer is not the catalog's: subscriptions live with the shards' leaders.

use crate::codec::fields;
use crate::limits::CONSUMER_CALLS_REMEMBERED;
use anabranch_types::{ConsumerName, MapVersion, RequestId, Timestamp};
use std::collections::BTreeMap;

/// A consumer of a stream, from its registration to its deregistration; registered again it is
/// another. It is ACTIVE all the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// The first map version that has it: no other consumer has the same.
    pub id: MapVersion,
    /// Unique in the stream.
    pub name: ConsumerName,
    /// When it was registered; its ARN has the second.
    pub created: Timestamp,
}

fields!(Consumer { id, name, created });

/// A consumer came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerChanged {
    /// The first map version that has the change.
    pub version: MapVersion,
    /// When the consumer was registered.
    pub created: Timestamp,
}

fields!(ConsumerChanged { version, created });

/// The answer to a call that registered or deregistered, for when the call is repeated (I12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnsweredCall {
    pub request: RequestId,
    pub changed: ConsumerChanged,
}

fields!(AnsweredCall { request, changed });

/// The last calls that changed a stream's consumers, oldest first; at most
/// [`CONSUMER_CALLS_REMEMBERED`]. A stream that never had a consumer has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ConsumerCalls {
    pub answered: Vec<AnsweredCall>,
}

fields!(ConsumerCalls { answered });

/// The consumers of a stream, by name, and what is remembered of calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Consumers {
    pub by_name: BTreeMap<ConsumerName, Consumer>,
    pub calls: ConsumerCalls,
}

impl Consumers {
    /// What the call was answered when it changed a consumer.
    pub fn answered(&self, request: RequestId) -> Option<ConsumerChanged> {
        self.calls.answered.iter().find(|answered| answered.request == request).map(|answered| answered.changed)
    }

    /// Remembers the answer, in place of the oldest when there are many.
    pub fn remember(&mut self, request: RequestId, changed: ConsumerChanged) {
        let answered = &mut self.calls.answered;
        let surplus = (answered.len() + 1).saturating_sub(CONSUMER_CALLS_REMEMBERED);
        answered.drain(..surplus);
        answered.push(AnsweredCall { request, changed });
    }
}

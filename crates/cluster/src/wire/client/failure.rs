//! What a call that was not answered means.

use super::connection::CallBroke;
use super::lane::NoLink;
use crate::error::NodeError;
use crate::wire::refusal::{Refusal, RefusedField};
use anabranch_consensus::{Peer, Unreached};
use anabranch_types::GroupId;
use std::error::Error;
use std::time::Duration;
use tonic::{Code, Status};

/// A call has no reply of the role that was called.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallFailure {
    /// Certainly not done: it was not sent.
    #[error("not reached: {0}")]
    NotSent(String),
    /// Certainly not done: the other side, or its identity, was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Certainly not done: the node does not have that role.
    #[error("{0}")]
    NotServed(String),
    /// It may be done: no answer in time.
    #[error("not answered within {0:?}")]
    Late(Duration),
    /// It may be done: the connection broke, or the answer does not count.
    #[error("{0}")]
    Broke(String),
}

impl From<NoLink> for CallFailure {
    fn from(NoLink(reason): NoLink) -> Self {
        CallFailure::NotSent(reason)
    }
}

impl CallFailure {
    pub fn of_status(status: Status) -> Self {
        if let Some(refusal) = Refusal::of_status(&status) {
            return CallFailure::Refused(refusal);
        }
        let broke = status.source().and_then(|source| source.downcast_ref::<CallBroke>());
        match broke {
            Some(CallBroke::NotSent(error)) => CallFailure::NotSent(error.to_string()),
            Some(CallBroke::Sent(_) | CallBroke::WrongAnswerer(_)) => CallFailure::Broke(status.message().to_owned()),
            None if status.code() == Code::Unimplemented => CallFailure::NotServed(status.message().to_owned()),
            None => CallFailure::Broke(format!("{}: {}", status.code(), status.message())),
        }
    }

    /// For the router: what is certainly not done may be asked of another node, or of the same once
    /// both know the same catalog.
    pub fn into_node_error(self, group: GroupId) -> NodeError {
        match self {
            CallFailure::NotSent(reason) | CallFailure::NotServed(reason) => not_led_there(group, &reason),
            CallFailure::Refused(refusal) => match refusal.field {
                // A directory that waits to join, at the address of a node whose own is gone, is of no
                // cluster yet: the others have to be asked, or it would never join.
                // One node with another secret must not make calls fail that a healthy one would serve.
                RefusedField::Cluster
                | RefusedField::Identity
                | RefusedField::Secret
                | RefusedField::Origin
                | RefusedField::ReceiverNode
                | RefusedField::SenderNode
                | RefusedField::Incarnation => not_led_there(group, &refusal.to_string()),
                RefusedField::Message | RefusedField::Memory => NodeError::Unavailable { reason: refusal.to_string() },
            },
            failure @ (CallFailure::Late(_) | CallFailure::Broke(_)) => {
                NodeError::Unknown { reason: failure.to_string() }
            }
        }
    }

    /// For consensus.
    pub fn into_unreached(self, peer: Peer) -> Unreached {
        match self {
            CallFailure::Late(within) => Unreached::Late { peer, within },
            CallFailure::Refused(refusal) => Unreached::Refused { peer, reason: refusal.to_string() },
            CallFailure::NotSent(reason) | CallFailure::NotServed(reason) | CallFailure::Broke(reason) => {
                Unreached::NoLink { peer, reason }
            }
        }
    }
}

/// The router goes on with "not the leader"; why, only the log can tell.
fn not_led_there(group: GroupId, reason: &str) -> NodeError {
    tracing::debug!(%group, reason, "node not reached");
    NodeError::NotLeader { group, leader: None }
}

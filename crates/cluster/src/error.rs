//! What a call to another role can answer instead of its result.

use anabranch_limiter::Bucket;
use anabranch_types::{GroupId, NodeId};
use std::time::Duration;

/// Why a call was not served.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NodeError {
    /// Certainly not done: another node leads the group, or none does.
    #[error("group {group} is not led here; leader: {leader:?}")]
    NotLeader {
        /// The group.
        group: GroupId,
        /// Who leads, as far as known.
        leader: Option<NodeId>,
    },
    /// It may or may not be done; asking again with the same request id is safe (I12).
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
    /// Certainly not done, and asking again at once would not help: the disk is full, the node
    /// drains, or its memory budget is used up.
    #[error("not available: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The stream or shard is not there (any more).
    #[error("no such shard in group {group}")]
    NoSuchShard {
        /// The group that was asked.
        group: GroupId,
    },
    /// A shard's read budget is used up.
    #[error("rate exceeded ({bucket}), retry after {retry_after:?}")]
    Throttled {
        /// Which budget.
        bucket: Bucket,
        /// When the same request fits.
        retry_after: Duration,
    },
    /// The consumer has a subscription at the shard that is too young to be taken over.
    #[error("the consumer has a subscription, retry after {retry_after:?}")]
    SubscriptionInUse {
        /// When it may be taken over.
        retry_after: Duration,
    },
    /// The subscription is over: another one of its consumer has begun.
    #[error("another subscription of the consumer has taken over")]
    SubscriptionTakenOver,
    /// The node found stored bytes damaged. They are never served (I2).
    #[error("damaged: {reason}")]
    Damaged {
        /// What and where.
        reason: String,
    },
}

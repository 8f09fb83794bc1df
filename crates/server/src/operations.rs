//! What an operator may ask of the cluster, through any of its nodes.
//!
//! The node implements it; `pages/admin.rs` takes the calls, `commands/` makes them. Asking is short:
//! what follows is done by the cluster, and seen by asking again.

use crate::status::{GroupStatus, NodeEntry, NodeState};
use anabranch_types::{GroupId, NodeId};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// How long [`Operations::compare`] may take.
pub const COMPARE_MAX: Duration = Duration::from_secs(22);

/// The answer of an operation, when it comes.
pub type OperationFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, OperationError>> + Send + 'a>>;

/// A replica is to move from one node to another: the new one learns, and once it has caught up, it
/// takes the place of the old one in one change of the membership (D11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaMove {
    /// The group.
    pub group: GroupId,
    /// The node that has a replica of it.
    pub from: NodeId,
    /// The node that has none yet.
    pub to: NodeId,
}

/// What the replicas of a group have applied, compared (I9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The group's number.
    pub group: u32,
    /// Each replica that answered.
    pub replicas: Vec<AppliedState>,
    /// Whether all of the group's replicas answered and have the same hash at the same entry. None
    /// where they were never seen at the same entry, because the group is busy, or some do not answer.
    pub agree: Option<bool>,
}

/// What one replica has applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedState {
    /// Its node.
    pub node: u64,
    /// The newest entry.
    pub applied: u64,
    /// Of everything up to it, 16 hexadecimal digits.
    pub hash: String,
}

/// An operation was not done, and nothing was changed; of one that is [`OperationError::Unavailable`],
/// the outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// There is no such node or group.
    #[error("there is no {0}")]
    NotFound(String),
    /// It must not be done as things are, such as to drain the last active node.
    #[error("{0}")]
    Refused(String),
    /// Not now: no leader, no quorum. To be asked again.
    #[error("not now: {0}")]
    Unavailable(String),
}

/// The operations of a cluster. Each may be asked of any node, and asking twice does no more than
/// asking once.
pub trait Operations: Send + Sync {
    /// Every node by its number, with how many replicas it has and how many groups it leads, where
    /// these are known.
    fn nodes(&self) -> OperationFuture<'_, Vec<NodeEntry>>;

    /// Records in the catalog what is wanted of a node; returns once that is committed.
    fn set_node_state(&self, node: NodeId, state: NodeState) -> OperationFuture<'_, ()>;

    /// Every group of the cluster by its number, with its leader, and of each replica whether it
    /// votes and how far it is behind, where these are known.
    fn groups(&self) -> OperationFuture<'_, Vec<GroupStatus>>;

    /// Compares the replicas of every data group, within [`COMPARE_MAX`].
    fn compare(&self) -> OperationFuture<'_, Vec<Comparison>>;

    /// Records in the catalog that a replica is to move; returns once that is committed. The move is
    /// over when the group has a voter on `to` and no replica on `from`.
    fn move_replica(&self, replica: ReplicaMove) -> OperationFuture<'_, ()>;
}

//! Proposes typed catalog commands.

use crate::machine::CatalogMachine;
use anabranch_catalog::Command;
use anabranch_cluster::NodeError;
use anabranch_consensus::{Group, ProposeError};
use anabranch_types::{GroupId, ReplicaId};
use bytes::Bytes;

/// Proposes `command` and answers what the catalog made of it.
///
/// # Errors
/// [`NodeError`] when it was not applied, or it is unknown whether it was. Catalog commands are
/// idempotent or carry a request id, so that asking again is safe (I12).
pub(crate) async fn propose<C: Command>(
    group: &Group<CatalogMachine>,
    command: &C,
) -> Result<Result<C::Done, C::Refused>, NodeError> {
    let outcome = propose_encoded(group, command.encode()).await?;
    C::decode_outcome(&outcome).map_err(|error| NodeError::Damaged { reason: error.to_string() })
}

/// The same for a command that another node has encoded.
///
/// # Errors
/// As [`propose`].
pub(crate) async fn propose_encoded(group: &Group<CatalogMachine>, command: Bytes) -> Result<Bytes, NodeError> {
    let proposed = group.propose(command).await.map_err(|error| match error {
        ProposeError::NotLeader { leader } => not_leader(group, leader),
        ProposeError::NoRoom(full) => NodeError::Unavailable { reason: full.to_string() },
        ProposeError::Unknown { reason } => NodeError::Unknown { reason },
    })?;
    Ok(proposed.outcome)
}

/// Refuses early what a follower could only pass on.
///
/// # Errors
/// [`NodeError::NotLeader`].
pub(crate) fn check_leader(group: &Group<CatalogMachine>) -> Result<(), NodeError> {
    if group.is_leader() { Ok(()) } else { Err(not_leader(group, group.status().leader)) }
}

pub(crate) fn not_leader(group: &Group<CatalogMachine>, leader: Option<ReplicaId>) -> NodeError {
    let members = group.status().members;
    let node_of = |leader: ReplicaId| members.iter().find(|(id, _)| *id == leader).map(|(_, node)| *node);
    NodeError::NotLeader { group: GroupId::METADATA, leader: leader.and_then(node_of) }
}

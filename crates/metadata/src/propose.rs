//! Proposes typed catalog commands.

use crate::machine::CatalogMachine;
use anabranch_catalog::{Command, kind_of};
use anabranch_cluster::{NodeError, Writable};
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

/// Keeps a command out of the log that some node does not understand: in the log it would stop that
/// node, whether the catalog refuses it or not (D15). Level 1 is every build's. Keeps those out as
/// well that clients ask for while this node takes no writes.
///
/// # Errors
/// [`NodeError::Unavailable`] until the last such node is upgraded, or until writes are taken again.
pub(crate) fn check_gate(command: &Bytes, cluster_level: u16, writable: &Writable) -> Result<(), NodeError> {
    let kind = kind_of(command).map_err(|error| NodeError::Damaged { reason: error.to_string() })?;
    if kind.is_for_client() {
        writable.check()?;
    }
    let needed = kind.level();
    if needed <= cluster_level.max(1) {
        return Ok(());
    }
    let reason = format!("the cluster is at feature level {cluster_level}, the command needs level {needed}");
    Err(NodeError::Unavailable { reason })
}

/// Refuses early what a follower could only pass on.
///
/// # Errors
/// [`NodeError::NotLeader`].
pub(crate) fn check_leader(group: &Group<CatalogMachine>) -> Result<(), NodeError> {
    if group.is_leader() { Ok(()) } else { Err(not_leader(group, group.status().leader)) }
}

pub(crate) fn not_leader(group: &Group<CatalogMachine>, leader: Option<ReplicaId>) -> NodeError {
    let leader = leader.and_then(|leader| group.status().node_of(leader));
    NodeError::NotLeader { group: GroupId::METADATA, leader }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_catalog::{BeginDeleteStream, CreateGroup, UntagStream};
    use anabranch_types::{AccountId, NodeId, RequestId, StreamName, StreamUid};
    use std::collections::BTreeSet;

    #[test]
    fn a_command_that_some_node_does_not_know_stays_out_of_the_log() {
        let check_gate = |command: &Bytes, level| check_gate(command, level, &Writable::new());
        let create = CreateGroup { node: NodeId(1), known: 4 }.encode();
        let refused = check_gate(&create, 2).expect_err("of level 3").to_string();
        assert!(refused.ends_with("the cluster is at feature level 2, the command needs level 3"), "{refused}");
        assert!(check_gate(&create, 3).is_ok());
        let name = StreamName::new("orders").expect("valid");
        let delete = BeginDeleteStream { account: AccountId::DEFAULT, name }.encode();
        assert!(check_gate(&delete, 0).is_ok(), "every build knows it");
        assert!(check_gate(&Bytes::from_static(&[1, 250]), 3).is_err());
    }

    #[test]
    fn what_clients_ask_for_waits_for_a_full_disk_and_what_nodes_need_does_not() {
        let writable = Writable::new();
        let untag = UntagStream { uid: StreamUid(1), keys: BTreeSet::new(), request: RequestId(1) }.encode();
        let create = CreateGroup { node: NodeId(1), known: 4 }.encode();
        assert!(check_gate(&untag, 6, &writable).is_ok());
        writable.refuse("the disk is full".to_owned());
        let refused = check_gate(&untag, 6, &writable).expect_err("from a client").to_string();
        assert_eq!(refused, "not available: the disk is full");
        assert!(check_gate(&create, 6, &writable).is_ok());
        writable.allow();
        assert!(check_gate(&untag, 6, &writable).is_ok());
    }
}

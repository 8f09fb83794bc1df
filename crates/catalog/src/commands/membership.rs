//! What membership commands share: the gate that they pass, how they find what they name, and how
//! a replica goes from one state to another. What each of them demands is in its own file.
//!
//! What fails here is a fact, which becomes a refusal of the command's own in `refusals`; there is
//! said what each means.

use crate::apply::Apply;
use crate::command::Command;
use crate::commands::Recorded;
use crate::edit::Edit;
use crate::group::{Group, Replica, ReplicaState};
use crate::node::{Node, NodeState};
use crate::shard_map::ShardMap;
use anabranch_types::{GroupId, Incarnation, NodeId, ReplicaId};

pub(crate) struct NotBootstrapped;

pub(crate) struct BelowLevel {
    pub cluster: u16,
    pub needed: u16,
}

pub(crate) struct NoGroup {
    pub group: GroupId,
}

pub(crate) struct NoReplica {
    pub group: GroupId,
    pub replica: ReplicaId,
}

pub(crate) struct NoNode {
    pub node: NodeId,
}

pub(crate) struct OtherDirectory {
    pub node: NodeId,
    pub registered: Incarnation,
}

pub(crate) struct NotActive {
    pub node: NodeId,
    pub state: NodeState,
}

pub(crate) struct Changing {
    pub replica: ReplicaId,
}

/// A command that is refused until there is a cluster and every node of it understands the
/// command (D15).
pub(crate) trait Gated: Command<Refused: From<NotBootstrapped> + From<BelowLevel>> {
    /// The command's rule, as [`Apply::apply`].
    fn change(self, edit: &mut Edit<'_>) -> Result<Self::Done, Self::Refused>;
}

impl<C: Gated> Apply for C {
    fn apply(self, edit: &mut Edit<'_>) -> Result<C::Done, C::Refused> {
        let cluster = edit.catalog().cluster().ok_or(NotBootstrapped)?.feature_level;
        let needed = C::KIND.level();
        if cluster < needed {
            return Err(BelowLevel { cluster, needed }.into());
        }
        self.change(edit)
    }
}

pub(crate) fn find_group(map: &ShardMap, group: GroupId) -> Result<&Group, NoGroup> {
    map.group(group).ok_or(NoGroup { group })
}

pub(crate) fn find_node(map: &ShardMap, node: NodeId) -> Result<&Node, NoNode> {
    map.node(node).ok_or(NoNode { node })
}

/// Whether the command means this node, and not another that had or has its id.
pub(crate) fn check_directory(node: &Node, meant: Incarnation) -> Result<(), OtherDirectory> {
    let registered = node.incarnation;
    if registered == meant { Ok(()) } else { Err(OtherDirectory { node: node.id, registered }) }
}

/// Whether the node gets anything new.
pub(crate) fn check_active(node: &Node) -> Result<(), NotActive> {
    let state = node.state;
    if state == NodeState::Active { Ok(()) } else { Err(NotActive { node: node.id, state }) }
}

/// Whether a replica of the group may begin to come or go.
pub(crate) fn check_settled(group: &Group) -> Result<(), Changing> {
    group.changing().map_or(Ok(()), |changing| Err(Changing { replica: changing.id }))
}

/// A replica as a command finds it.
pub(crate) struct Found<'a> {
    pub group: &'a Group,
    pub replica: &'a Replica,
    /// The replica's.
    pub node: &'a Node,
}

/// Takes a replica to the state that `next` answers: a command that came before answers the state
/// that the replica has.
pub(crate) fn walk<E: From<NoGroup> + From<NoReplica>>(
    edit: &mut Edit<'_>,
    group: GroupId,
    replica: ReplicaId,
    next: impl FnOnce(Found<'_>) -> Result<ReplicaState, E>,
) -> Result<Recorded, E> {
    let map = edit.catalog().shard_map();
    let group = find_group(&map, group)?;
    let replica = group.replica(replica).ok_or(NoReplica { group: group.id, replica })?;
    let node = map.node(replica.node).expect("check(): a replica's node is a member");
    let state = next(Found { group, replica, node })?;
    if state != replica.state {
        edit.set_replica_state(group, replica.id, state);
    }
    Ok(edit.recorded())
}

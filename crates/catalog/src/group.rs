//! Replication groups, where their replicas live, and how far each is in or out.

use crate::codec::{DecodeError, Field, Reader, fields, variants};
use crate::rows::RowValue;
use anabranch_types::{GroupId, NodeId, ReplicaId};

/// How far a replica is in its group. What the catalog says here, the group's leader and the
/// replica's node carry out; both may repeat their part after any crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplicaState {
    /// Applies the log and never votes; only in the metadata group, so that each node's view
    /// of the catalog is its own.
    Observer,
    /// On its way in: its node starts it empty, the leader adds it and lets it vote once it
    /// has caught up. It may vote already.
    Joining,
    /// Votes.
    Member,
    /// On its way out: the leader takes it out of the group, its node still runs it. It may
    /// vote still.
    Leaving,
    /// Out of the group for good: its node deletes its data and reports that (D8: this is the
    /// only word upon which a node deletes a replica).
    Retired,
}

variants!(ReplicaState {
    1 => Observer {},
    2 => Joining {},
    3 => Member {},
    4 => Leaving {},
    5 => Retired {},
});

impl ReplicaState {
    /// Whether the group's voters are being changed for this replica. A group has at most one
    /// such replica.
    pub fn is_changing(self) -> bool {
        match self {
            ReplicaState::Joining | ReplicaState::Leaving => true,
            ReplicaState::Observer | ReplicaState::Member | ReplicaState::Retired => false,
        }
    }

    /// Whether the replica may have a vote, and so may lead.
    pub fn may_vote(self) -> bool {
        match self {
            ReplicaState::Joining | ReplicaState::Member | ReplicaState::Leaving => true,
            ReplicaState::Observer | ReplicaState::Retired => false,
        }
    }

    /// Whether the replica's node runs it.
    pub fn is_running(self) -> bool {
        self != ReplicaState::Retired
    }
}

/// One replica of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replica {
    /// Unique in the cluster and never used again.
    pub id: ReplicaId,
    /// The node that holds it.
    pub node: NodeId,
    /// How far it is in its group.
    pub state: ReplicaState,
}

fields!(Replica { id, node, state });

/// A replication group; group 0 replicates the catalog, all others hold shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Never used again.
    pub id: GroupId,
    /// In the order in which they were added: on different nodes, at least one of them a
    /// [`ReplicaState::Member`], at most one of them changing.
    pub replicas: Vec<Replica>,
}

fields!(Group { id, replicas });

impl Group {
    /// The replica of an id, whatever its state.
    pub fn replica(&self, id: ReplicaId) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.id == id)
    }

    /// The replica that a node runs; none when it has none, or has one that is retired.
    pub fn replica_on(&self, node: NodeId) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.node == node && replica.state.is_running())
    }

    /// The replicas that vote and are to stay.
    pub fn members(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(|replica| replica.state == ReplicaState::Member)
    }

    /// The replicas that may have a vote: a leader is one of these. More than the members
    /// while the group is changing.
    pub fn voters(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(|replica| replica.state.may_vote())
    }

    /// The replica for which the group's voters are being changed.
    pub fn changing(&self) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.state.is_changing())
    }

    /// Writes the layout of version 1, which has no states: all replicas are members.
    pub(crate) fn write_version_1(&self, out: &mut Vec<u8>) {
        self.id.write(out);
        let replicas: Vec<Placed> =
            self.replicas.iter().map(|replica| Placed { id: replica.id, node: replica.node }).collect();
        replicas.write(out);
    }

    /// Reads what [`Group::write_version_1`] wrote.
    pub(crate) fn read_version_1(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (id, placed) = (GroupId::read(input)?, Vec::<Placed>::read(input)?);
        let member = |Placed { id, node }| Replica { id, node, state: ReplicaState::Member };
        Ok(Group { id, replicas: placed.into_iter().map(member).collect() })
    }
}

/// A replica in version 1.
struct Placed {
    id: ReplicaId,
    node: NodeId,
}

fields!(Placed { id, node });

impl RowValue for Group {
    const WHAT: &'static str = "group row";
    const VERSION: u8 = 2;

    fn version(&self) -> u8 {
        let all_members = self.replicas.iter().all(|replica| replica.state == ReplicaState::Member);
        if all_members { 1 } else { 2 }
    }

    fn write_row(&self, out: &mut Vec<u8>) {
        if self.version() == 1 { self.write_version_1(out) } else { self.write(out) }
    }

    fn read_row(version: u8, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if version == 1 { Group::read_version_1(input) } else { Group::read(input) }
    }
}

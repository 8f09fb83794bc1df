//! Where replicas, votes, leaders and shards should be (D11).
//!
//! Pure: from the shard map, and from who does not answer, to the next steps that may be
//! proposed. The consistent hash ring proposes an order of nodes, zones and load correct it,
//! and what the catalog stores of it is never computed again. A plan is made anew from the map
//! each time and remembers nothing: whoever carries it out may stop at any point.
//!
//! How many replicas a group gets, and why: docs/adr/0007-membership.md.

mod balance;
mod leaders;
mod metadata_group;
mod new_group;
mod replicas;
mod ring;
mod shards;
mod survey;

pub use leaders::{LeaderMove, leader_moves};
pub(crate) use shards::{place_children, place_stream};

use crate::shard_map::ShardMap;
use anabranch_types::{GroupId, NodeId, ReplicaId};
use std::collections::BTreeSet;
use survey::Survey;

/// How many of each are wanted where there are nodes enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacementOptions {
    /// Members of a data group. An even number counts as the odd one below it, which bears as
    /// many failures with one replica less.
    pub replication_factor: u32,
    /// Members of the metadata group; odd likewise.
    pub metadata_voters: u32,
    /// Data groups for each active node: more are made when nodes join, none is ever taken away.
    pub groups_per_node: u32,
}

impl Default for PlacementOptions {
    fn default() -> Self {
        PlacementOptions { replication_factor: 3, metadata_voters: 3, groups_per_node: 2 }
    }
}

/// A command that may be proposed now; the fields are those of the command of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is a command of the same name, documented there")]
pub enum Step {
    AddReplica { group: GroupId, node: NodeId },
    PromoteReplica { group: GroupId, replica: ReplicaId },
    RemoveReplica { group: GroupId, replica: ReplicaId },
    RemoveNode { node: NodeId },
    CreateGroup { node: NodeId, known: u32 },
}

/// Replicas that one node receives at a time: each may be a copy of gigabytes.
pub(crate) const JOINING_PER_NODE_MAX: usize = 2;

/// The steps that may be proposed now, in this order: the metadata group's, one at most for
/// each data group, the removal of nodes, a new group when all else is done. Equal maps give equal
/// steps, and no steps come once the cluster is as it should be.
///
/// `down` are nodes that do not answer now and are expected back: they get nothing new, and
/// what they hold is not replaced. A group without a healthy majority gets no step: what the
/// catalog wrote could not be carried out, and must not be decided without its members.
///
/// Costs time in proportion to all shards, and to replicas times nodes.
pub fn plan(map: &ShardMap, options: &PlacementOptions, down: &BTreeSet<NodeId>) -> Vec<Step> {
    let mut survey = Survey::new(map, options, down);
    let mut steps: Vec<Step> = survey.metadata_step().into_iter().collect();
    let mut settled = Vec::new();
    for group in map.groups().filter(|group| group.id != GroupId::METADATA) {
        match survey.repair_step(group) {
            Some(step) => steps.push(step),
            None => settled.extend(survey.is_settled(group).then_some(group)),
        }
    }
    steps.extend(survey.balance_steps(settled));
    steps.extend(survey.removable_nodes().map(|node| Step::RemoveNode { node }));
    // Only then: a new group begins with one copy and should get the others soon.
    if steps.is_empty() {
        steps.extend(survey.new_group(options.groups_per_node));
    }
    steps
}

/// The largest odd number up to `count`; 0 for 0.
fn odd_at_most(count: usize) -> usize {
    if count == 0 { 0 } else { count - (count + 1) % 2 }
}

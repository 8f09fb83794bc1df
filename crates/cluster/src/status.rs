//! What a node tells about itself.

use crate::router::Router;
use anabranch_catalog::ShardMap;
use anabranch_consensus::GroupStatus;
use anabranch_types::{GroupId, NodeId, ReplicaId};
use std::collections::BTreeMap;
use std::time::Duration;

/// One replica of a group, as its node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReport {
    /// The group.
    pub group: GroupId,
    /// This replica.
    pub replica: ReplicaId,
    /// All replicas that the group knows, this one included.
    pub members: Vec<MemberReport>,
    /// Who leads, as far as known here.
    pub leader: Option<ReplicaId>,
    /// The newest term known here.
    pub term: u64,
    /// The newest entry applied here.
    pub applied: Option<u64>,
    /// Up to where the state here is flushed.
    pub flushed: Option<u64>,
    /// Why it stopped, when it did.
    pub failure: Option<String>,
}

/// One replica of a group, as another one sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberReport {
    /// The replica.
    pub replica: ReplicaId,
    /// Its node.
    pub node: NodeId,
    /// Whether commits need its vote.
    pub votes: bool,
    /// Entries of the leader's log that it is not known to have; only the leader knows.
    pub lag_entries: Option<u64>,
}

impl GroupReport {
    /// The node that leads, as far as known here.
    pub fn leader_node(&self) -> Option<NodeId> {
        let leader = self.leader?;
        self.members.iter().find(|member| member.replica == leader).map(|member| member.node)
    }

    /// Whether this replica believes that it leads.
    pub fn leads(&self) -> bool {
        self.leader == Some(self.replica)
    }
}

/// What the nodes of `map` tell of their replicas, each within `patience`; one that does not answer is
/// left out.
pub async fn collect_reports(
    router: &Router,
    map: &ShardMap,
    patience: Duration,
) -> BTreeMap<NodeId, Vec<GroupReport>> {
    let asked = map.nodes().filter_map(|node| Some((node.id, router.node(node.id)?)));
    let asked = asked.map(|(id, node)| async move {
        let told = tokio::time::timeout(patience, node.report()).await;
        told.ok().and_then(Result::ok).map(|reports| (id, reports))
    });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

/// Who leads each group, and what that replica tells: the claim of the newest term counts.
pub fn leaders_of(reports: &BTreeMap<NodeId, Vec<GroupReport>>) -> BTreeMap<GroupId, (NodeId, &GroupReport)> {
    let mut leaders: BTreeMap<GroupId, (NodeId, &GroupReport)> = BTreeMap::new();
    for (node, reports) in reports {
        for report in reports.iter().filter(|report| report.leads()) {
            let known = leaders.entry(report.group).or_insert((*node, report));
            if report.term > known.1.term {
                *known = (*node, report);
            }
        }
    }
    leaders
}

impl From<GroupStatus> for GroupReport {
    fn from(status: GroupStatus) -> Self {
        let lag = |id| status.progress.iter().find(|other| other.replica == id).map(|other| other.lag_entries);
        let member = |(replica, node): &(ReplicaId, NodeId)| MemberReport {
            replica: *replica,
            node: *node,
            votes: status.voters.contains(replica),
            lag_entries: lag(*replica),
        };
        GroupReport {
            group: status.group,
            replica: status.replica,
            members: status.members.iter().map(member).collect(),
            leader: status.leader,
            term: status.term,
            applied: status.applied_index,
            flushed: status.flushed_index,
            failure: status.failure,
        }
    }
}

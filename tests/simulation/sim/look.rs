//! What can be seen of a cluster from outside, between two ticks.

use crate::cluster::Cluster;
use crate::history::History;
use crate::node::{Serving, SimulatedNode};
use crate::operator::member_at;
use anabranch_catalog::{PlacementOptions, ShardMap, plan};
use anabranch_checker::Event;
use anabranch_cluster::{GroupReport, StateHash, StorageNode, leaders_of};
use anabranch_types::{GroupId, NodeId, ReplicaId};
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// What was seen of the replicas so far.
#[derive(Debug, Default)]
pub struct Watched {
    /// When, since the beginning of the run.
    pub at: Duration,
    /// Who led, by group and term.
    leaders: BTreeMap<(GroupId, u64), ReplicaId>,
}

/// Tells `history` what each replica has applied (I9), and answers what is wrong with who leads.
pub fn watch(nodes: &[SimulatedNode], watched: &mut Watched, history: &History) -> Vec<String> {
    let mut findings = Vec::new();
    for node in nodes {
        let Some(serving) = node.serving.lock().clone() else { continue };
        if let Some(StateHash { applied, hash }) = node.directory.catalog() {
            history.tell(Event::Replica { group: GroupId::METADATA.0, applied, hash });
        }
        for report in std::iter::once(serving.metadata.report()).chain(serving.storage.reports()) {
            let GroupReport { group, term, leader, .. } = report;
            // It works in place, so that it has its answer at once.
            if let Some(Ok(hash)) = serving.storage.state_hash(group).now_or_never() {
                history.tell(Event::Replica { group: group.0, applied: hash.applied, hash: hash.hash });
            }
            let Some(leader) = leader else { continue };
            let first = *watched.leaders.entry((group, term)).or_insert(leader);
            if first != leader {
                findings.push(format!("two leaders of group {group} in term {term}: replicas {first} and {leader}"));
            }
        }
    }
    findings
}

impl Cluster {
    /// The nodes that are to stay; none when one of them does not serve.
    fn all_serving(&self) -> Option<Vec<Arc<Serving>>> {
        self.staying().map(|node| node.serving.lock().clone()).collect()
    }

    /// Whether the cluster has let a node go, as the newest catalog says of those that can be seen.
    pub fn has_let_go(&self, number: usize) -> bool {
        let serving = self.staying().filter_map(|node| node.serving.lock().clone());
        let maps = serving.map(|node| Arc::clone(&node.metadata.view().load().map));
        maps.max_by_key(|map| map.version()).is_some_and(|map| member_at(&map, number).is_none())
    }

    /// Whether the nodes that are to stay are the cluster, and every group has all its replicas.
    pub fn is_whole(&mut self) -> bool {
        let Some(serving) = self.all_serving() else { return false };
        let maps: Vec<Arc<ShardMap>> =
            serving.iter().map(|node| Arc::clone(&node.metadata.view().load().map)).collect();
        let is_whole = |map: &Arc<ShardMap>| {
            let steps = plan(map, &PlacementOptions::default(), &BTreeSet::new());
            // Of the catalog every node has a replica, and some of them vote.
            let mut data_groups = map.groups().filter(|group| group.id != GroupId::METADATA);
            let all_are_members = data_groups.all(|group| group.members().count() == 3 && group.replicas.len() == 3);
            map.nodes().count() == serving.len() && steps.is_empty() && all_are_members
        };
        maps.iter().all(is_whole) && self.has_converged()
    }

    /// Whether every group is led, and every replica has applied what its leader has.
    pub fn has_converged(&mut self) -> bool {
        let Some(serving) = self.all_serving() else { return false };
        let reports = reports(&serving);
        let leaders = leaders_of(&reports);
        let groups = serving.iter().flat_map(|node| {
            let ids: Vec<GroupId> = node.metadata.view().load().map.groups().map(|group| group.id).collect();
            ids
        });
        let groups: BTreeSet<GroupId> = groups.collect();
        groups.iter().all(|group| {
            let Some((_, led)) = leaders.get(group) else { return false };
            led.members.iter().all(|member| {
                let report = reports.get(&member.node).and_then(|all| all.iter().find(|one| one.group == *group));
                report.is_some_and(|own| own.applied == led.applied && own.leader == led.leader)
            })
        })
    }

    /// How every replica is, for people.
    pub fn state(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            let Some(serving) = node.serving.lock().clone() else {
                let _written = writeln!(text, "{} does not serve", crate::network::host(node.number));
                continue;
            };
            for report in std::iter::once(serving.metadata.report()).chain(serving.storage.reports()) {
                let GroupReport { group, replica, leader, term, applied, flushed, failure, members } = report;
                let members: Vec<String> = members
                    .iter()
                    .map(|member| format!("{}@{}{}", member.replica, member.node, if member.votes { "" } else { "?" }))
                    .collect();
                let _written = writeln!(
                    text,
                    "node {}: group {group} replica {replica} leader {leader:?} term {term} applied {applied:?} \
                     flushed {flushed:?} members {members:?} failure {failure:?}",
                    serving.node
                );
            }
        }
        text
    }
}

fn reports(serving: &[Arc<Serving>]) -> BTreeMap<NodeId, Vec<GroupReport>> {
    let of = |node: &Arc<Serving>| {
        let reports = std::iter::once(node.metadata.report()).chain(node.storage.reports());
        (node.node, reports.collect())
    };
    serving.iter().map(of).collect()
}

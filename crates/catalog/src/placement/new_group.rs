//! More groups for more nodes: else the nodes that join last could lead nothing.

use super::Step;
use super::survey::Survey;
use anabranch_types::GroupId;

impl Survey<'_> {
    /// The next group, on the least loaded node; none while there are enough, or too few nodes for
    /// the full number of members.
    pub fn new_group(&self, groups_per_node: u32) -> Option<Step> {
        let nodes = self.free_nodes().count();
        let known = self.map.groups().filter(|group| group.id != GroupId::METADATA).count();
        let wanted = nodes.saturating_mul(usize::try_from(groups_per_node).unwrap_or(usize::MAX));
        if nodes < self.replicas_wanted
            || known >= wanted
            || self.map.groups().any(|group| group.changing().is_some() && self.can_decide(group, None))
        {
            return None;
        }
        let node = self.free_nodes().map(|node| node.id).min_by_key(|node| (self.load(*node), *node))?;
        Some(Step::CreateGroup { node, known: u32::try_from(known).ok()? })
    }
}

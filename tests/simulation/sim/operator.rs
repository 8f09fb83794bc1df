//! What an operator does: tells the catalog what is to become of nodes, until it says so itself.

use crate::client::{ANSWER_PATIENCE, World};
use crate::network::peer_address;
use crate::node::Serving;
use anabranch_catalog::{Node, NodeState, SetNodeState, ShardMap};
use anabranch_cluster::propose;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// What is to become of nodes, by their numbers. Clones are the same wishes.
pub type Wishes = Arc<Mutex<BTreeMap<usize, NodeState>>>;

/// The member at the address of a simulated node; none when the catalog has none there, or has lost it.
pub fn member_at(map: &ShardMap, number: usize) -> Option<&Node> {
    let address = peer_address(number);
    map.nodes().find(|node| node.addresses.peer() == address && node.state != NodeState::Lost)
}

impl World {
    /// Asks for what is wished, at whatever node, again and again.
    pub async fn operate(self, wishes: Wishes) {
        let mut rng = self.plan.random_for("operator");
        loop {
            tokio::time::sleep(LOOKS_EVERY).await;
            let wished = wishes.lock().clone();
            for (number, state) in wished {
                let ask = move |serving: Arc<Serving>| async move { ask(&serving, number, state).await };
                let asked = self.any_door(&mut rng).call(ANSWER_PATIENCE, ask).await;
                tracing::debug!(number, ?state, ?asked, "an operator asked");
            }
        }
    }
}

/// Says what the catalog does not yet; what became of that is for people.
async fn ask(serving: &Serving, number: usize, state: NodeState) -> String {
    let view = serving.metadata.view().load();
    let Some(node) = member_at(&view.map, number) else { return "no such node".to_owned() };
    if node.state == state {
        return "is so".to_owned();
    }
    let (node, incarnation) = (node.id, node.incarnation);
    format!("{:?}", propose(&serving.catalog, &SetNodeState { node, incarnation, state }).await)
}

//! The replicas of this node, by group and replica id.

use anabranch_consensus::Replica;
use anabranch_types::{GroupId, ReplicaId};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

/// A table that the storage and metadata roles fill. Clones share it.
#[derive(Clone, Default)]
pub struct Replicas(Arc<RwLock<Table>>);

type Table = HashMap<(GroupId, ReplicaId), Arc<dyn Replica>>;

impl Replicas {
    /// Others reach `replica` from now on.
    pub fn insert(&self, replica: Arc<dyn Replica>) {
        self.0.write().insert((replica.group(), replica.replica()), replica);
    }

    /// Others reach that replica no more. Its open append streams end when it stops.
    pub fn remove(&self, group: GroupId, replica: ReplicaId) {
        self.0.write().remove(&(group, replica));
    }

    /// # Errors
    /// When this node has no such replica; another one of the group is not meant (D14).
    pub(super) fn get(&self, group: u32, replica: u64) -> Result<Arc<dyn Replica>, String> {
        let found = self.0.read().get(&(GroupId(group), ReplicaId(replica))).cloned();
        found.ok_or_else(|| format!("this node has no replica {replica} of group {group}"))
    }
}

//! The newest state of the catalog that this node has seen.

use anabranch_catalog::{ShardMap, TokenKeys};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// What gateways need of the catalog, all of one version.
#[derive(Debug, Clone)]
pub struct ClusterView {
    /// Streams, shards, groups and nodes.
    pub map: Arc<ShardMap>,
    /// What seals and opens tokens; none before the cluster is bootstrapped.
    pub keys: Option<TokenKeys>,
}

/// A cell that the metadata role fills and gateways read without locks. Clones share it.
#[derive(Clone)]
pub struct ViewWatch(Arc<ArcSwap<ClusterView>>);

impl ViewWatch {
    /// A cell that shows `view`.
    pub fn new(view: ClusterView) -> Self {
        ViewWatch(Arc::new(ArcSwap::from_pointee(view)))
    }

    /// The newest view; one load, no lock.
    pub fn load(&self) -> Arc<ClusterView> {
        self.0.load_full()
    }

    /// Shows `view` from now on.
    pub fn publish(&self, view: ClusterView) {
        self.0.store(Arc::new(view));
    }
}

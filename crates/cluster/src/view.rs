//! The newest state of the catalog that this node has seen.

use anabranch_catalog::{ShardMap, TokenKeys};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What gateways need of the catalog, all of one version.
#[derive(Debug, Clone)]
pub struct ClusterView {
    /// Streams, shards, groups and nodes.
    pub map: Arc<ShardMap>,
    /// What seals and opens tokens; none before the cluster is bootstrapped.
    pub keys: Option<TokenKeys>,
    /// What every node understands (D15); 0 before the cluster is bootstrapped.
    pub feature_level: u16,
}

/// A cell that the metadata role fills and gateways read without locks. Clones share it.
#[derive(Clone)]
pub struct ViewWatch(Arc<Cell>);

struct Cell {
    view: ArcSwap<ClusterView>,
    changes: watch::Sender<()>,
}

impl ViewWatch {
    /// A cell that shows `view`.
    pub fn new(view: ClusterView) -> Self {
        ViewWatch(Arc::new(Cell { view: ArcSwap::from_pointee(view), changes: watch::Sender::new(()) }))
    }

    /// The newest view; one load, no lock.
    pub fn load(&self) -> Arc<ClusterView> {
        self.0.view.load_full()
    }

    /// Shows `view` from now on.
    pub fn publish(&self, view: ClusterView) {
        self.0.view.store(Arc::new(view));
        self.0.changes.send_replace(());
    }

    /// Tells of every view that is published from now on; several at once may be told of once.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// As [`ViewWatch::wait`], for `span` at the most; none when there was no such view. Without any time
    /// the newest view is looked at.
    pub async fn wait_within(&self, span: Duration, wanted: impl Fn(&ClusterView) -> bool) -> Option<Arc<ClusterView>> {
        tokio::time::timeout(span, self.wait(wanted)).await.ok()
    }

    /// The first view that is as `wanted`, the newest one included. Cancel-safe.
    pub async fn wait(&self, wanted: impl Fn(&ClusterView) -> bool) -> Arc<ClusterView> {
        let mut changes = self.changes();
        loop {
            let view = self.load();
            if wanted(&view) {
                return view;
            }
            changes.changed().await.expect("this cell holds the sender");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_types::MapVersion;

    #[tokio::test]
    async fn a_view_is_waited_for_however_late_it_comes() {
        let empty = ClusterView { map: Arc::default(), keys: None, feature_level: 0 };
        let views = ViewWatch::new(empty.clone());
        assert_eq!(views.wait(|view| view.map.version() == MapVersion(0)).await.map.version(), MapVersion(0));
        let asked = std::sync::atomic::AtomicU32::new(0);
        let waiting = views.wait(|_| asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2);
        let publishing = async {
            for _ in 0..2 {
                tokio::task::yield_now().await;
                views.publish(empty.clone());
            }
        };
        futures::future::join(waiting, publishing).await;
    }
}

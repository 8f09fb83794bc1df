//! The catalog as the metadata group applies it: rows of one family, and a view for gateways.

use anabranch_catalog::{Catalog, FEATURE_LEVEL, LoadError, RowMutation, check_level};
use anabranch_cluster::{ClusterView, ViewWatch};
use anabranch_consensus::{
    AppliedRowError, AppliedState, CheckpointJob, Committed, FlushJob, Machine, MachineError, Payload,
};
#[cfg(feature = "planted-bugs")]
use anabranch_runtime::planted;
use anabranch_store::{Batch, Direction, Family, HomeError, Store, StoreError, StoreHome};
use bytes::Bytes;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// First key of the catalog's rows: everything above the applied row.
const ROWS_FROM: &[u8] = &[1];
/// Above the last key of the catalog's rows.
const ROWS_TO: &[u8] = &[0xff; 16];

/// The state of the metadata group.
pub struct CatalogMachine {
    catalog: Catalog,
    applied: AppliedState,
    store: Arc<dyn Store>,
    view: ViewWatch,
    /// Commands above it stop the node (D15).
    level: u16,
    /// None where no snapshots of other replicas come.
    home: Option<Arc<dyn StoreHome>>,
}

/// The state on disk cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its rows are damaged or of a newer build.
    #[error("catalog rows: {0}")]
    Rows(#[from] LoadError),
    /// Its applied row is damaged or of a newer build.
    #[error(transparent)]
    Applied(#[from] AppliedRowError),
    /// A snapshot of another replica cannot be opened or put in place.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The node is not set up to take snapshots of other replicas.
    #[error("this replica takes no snapshots")]
    NoHome,
}

impl CatalogMachine {
    /// The catalog as `store` holds it; shows itself in [`CatalogMachine::view`]. `home` is where the
    /// store comes from, for a replica that takes the snapshots of others.
    ///
    /// # Errors
    /// [`OpenError`] when what is stored cannot be read.
    pub fn open(store: Arc<dyn Store>, home: Option<Arc<dyn StoreHome>>) -> Result<Self, OpenError> {
        let (catalog, applied) = load(&*store)?;
        let view = ViewWatch::new(view_of(&catalog));
        Ok(CatalogMachine { catalog, applied, store, view, level: FEATURE_LEVEL, home })
    }

    fn take_in(&mut self, dir: &Path) -> Result<(), OpenError> {
        let home = self.home.as_ref().ok_or(OpenError::NoHome)?;
        // Read before it counts: one that this build cannot read leaves the catalog as it is (D15).
        let store = home.take_in(dir)?;
        let (catalog, applied) = load(&*store)?;
        home.commit()?;
        (self.catalog, self.applied, self.store) = (catalog, applied, store);
        self.view.publish(view_of(&self.catalog));
        Ok(())
    }

    /// The same, which knows no commands above `level`: as an older build would.
    #[must_use]
    pub fn at_level(self, level: u16) -> Self {
        CatalogMachine { level, ..self }
    }

    /// Where each applied change is shown.
    pub fn view(&self) -> ViewWatch {
        self.view.clone()
    }
}

fn load(store: &dyn Store) -> Result<(Catalog, AppliedState), OpenError> {
    let applied = match store.get(Family::Meta, AppliedState::ROW_KEY)? {
        Some(row) => AppliedState::from_row(row)?,
        None => AppliedState::default(),
    };
    let mut rows = Vec::new();
    store.scan(Family::Meta, ROWS_FROM, ROWS_TO, Direction::Ascending, &mut |key, value| {
        rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        ControlFlow::Continue(())
    })?;
    Ok((Catalog::load(rows.into_iter())?, applied))
}

fn view_of(catalog: &Catalog) -> ClusterView {
    ClusterView {
        map: catalog.shard_map(),
        keys: catalog.token_keys().cloned(),
        feature_level: catalog.cluster().map_or(0, |cluster| cluster.feature_level),
    }
}

impl Machine for CatalogMachine {
    fn applied(&self) -> AppliedState {
        self.applied.clone()
    }

    fn apply(&mut self, entries: Vec<Committed>) -> Result<Vec<Bytes>, MachineError> {
        let (mut rows, mut applied) = (Vec::new(), self.applied.clone());
        let mut outcomes = Vec::with_capacity(entries.len());
        for entry in entries {
            outcomes.push(match entry.payload {
                Payload::Blank => Bytes::new(),
                Payload::Membership(membership) => {
                    applied.membership = Some((entry.id, membership));
                    Bytes::new()
                }
                Payload::Command(command) => {
                    let (known, index) = (check_level(&command, self.level), entry.id.index);
                    #[cfg(feature = "planted-bugs")]
                    let index = planted::index_of(planted::Bug::CatalogByLocalCount, index);
                    let outcome = known.and_then(|()| self.catalog.apply(index, &command, &mut rows));
                    outcome.map_err(|error| MachineError(error.to_string()))?
                }
            });
            applied.last = Some(entry.id);
        }
        let mut batch = Batch::new();
        for row in rows {
            match row {
                RowMutation::Put { key, value } => batch.put(Family::Meta, &key, &value),
                RowMutation::Delete { key } => batch.delete(Family::Meta, &key),
            }
        }
        batch.put(Family::Meta, AppliedState::ROW_KEY, &applied.to_row());
        self.store.write(batch).map_err(|error| MachineError(error.to_string()))?;
        // Only now: a flush tells openraft what may be purged by it.
        self.applied = applied;
        self.view.publish(view_of(&self.catalog));
        Ok(outcomes)
    }

    fn begin_flush(&mut self) -> FlushJob {
        let (store, applied) = (Arc::clone(&self.store), self.applied.clone());
        Box::new(move || {
            store.flush().map_err(|error| MachineError(error.to_string()))?;
            Ok(applied)
        })
    }

    fn begin_checkpoint(&mut self, dir: PathBuf) -> CheckpointJob {
        let store = Arc::clone(&self.store);
        Box::new(move || {
            let row = store.checkpoint(&dir, AppliedState::ROW_KEY);
            let row = row.map_err(|error| MachineError(error.to_string()))?;
            let applied = row.map(AppliedState::from_row).transpose();
            Ok(applied.map_err(|error| MachineError(error.to_string()))?.unwrap_or_default())
        })
    }

    fn install(&mut self, dir: &Path) -> Result<(), MachineError> {
        self.take_in(dir).map_err(|error| MachineError(error.to_string()))
    }
}

#[cfg(test)]
mod tests;

//! The catalog as the metadata group applies it: rows of one family, and a view for gateways.

use anabranch_catalog::{Catalog, LoadError, RowMutation};
use anabranch_cluster::{ClusterView, ViewWatch};
use anabranch_consensus::{AppliedRowError, AppliedState, Committed, FlushJob, Machine, MachineError, Payload};
use anabranch_store::{Batch, Direction, Family, Store, StoreError};
use bytes::Bytes;
use std::ops::ControlFlow;
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
}

impl CatalogMachine {
    /// The catalog as `store` holds it; shows itself in [`CatalogMachine::view`].
    ///
    /// # Errors
    /// [`OpenError`] when what is stored cannot be read.
    pub fn open(store: Arc<dyn Store>) -> Result<Self, OpenError> {
        let applied = match store.get(Family::Meta, AppliedState::ROW_KEY)? {
            Some(row) => AppliedState::from_row(row)?,
            None => AppliedState::default(),
        };
        let mut rows = Vec::new();
        store.scan(Family::Meta, ROWS_FROM, ROWS_TO, Direction::Ascending, &mut |key, value| {
            rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            ControlFlow::Continue(())
        })?;
        let catalog = Catalog::load(rows.into_iter())?;
        let view = ViewWatch::new(view_of(&catalog));
        Ok(CatalogMachine { catalog, applied, store, view })
    }

    /// Where each applied change is shown.
    pub fn view(&self) -> ViewWatch {
        self.view.clone()
    }
}

fn view_of(catalog: &Catalog) -> ClusterView {
    ClusterView { map: catalog.shard_map(), keys: catalog.token_keys().cloned() }
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
                    let outcome = self.catalog.apply(entry.id.index, &command, &mut rows);
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
}

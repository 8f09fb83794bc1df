//! The data state machine as its group applies it: effects into the store, atomically.

use crate::codec::write_mutations;
use crate::error::OpenError;
use crate::shared::{CurrentState, SharedState};
use anabranch_consensus::{AppliedState, CheckpointJob, Committed, FlushJob, Machine, MachineError, Payload};
use anabranch_shard::{BucketId, ChunkKey, Effects, GroupState, ROWS_FROM, ROWS_TO, ShardNo};
use anabranch_store::{Batch, Direction, Family, Store, StoreError, StoreHome};
use anabranch_types::Counter;
use bytes::Bytes;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The state of one data group.
pub struct ShardMachine {
    current: Arc<CurrentState>,
    applied: AppliedState,
    /// None where no snapshots of other replicas come.
    home: Option<Arc<dyn StoreHome>>,
}

impl ShardMachine {
    /// The state as `store` holds it. `home` is where the store comes from, for a replica that takes
    /// the snapshots of others.
    ///
    /// # Errors
    /// [`OpenError`] when what is stored cannot be read.
    pub fn open(store: Arc<dyn Store>, home: Option<Arc<dyn StoreHome>>) -> Result<Self, OpenError> {
        let (state, applied) = load(store)?;
        Ok(ShardMachine { current: Arc::new(CurrentState::new(state)), applied, home })
    }

    pub(crate) fn current(&self) -> Arc<CurrentState> {
        Arc::clone(&self.current)
    }

    fn take_in(&mut self, dir: &Path) -> Result<(), OpenError> {
        let home = self.home.as_ref().ok_or(OpenError::NoHome)?;
        // Read before it counts: one that this build cannot read leaves the state as it is (D15).
        let store = home.take_in(dir)?;
        #[cfg(feature = "planted-bugs")]
        planted::spoil(&*store)?;
        let (state, applied) = load(store)?;
        home.commit()?;
        self.current.replace(state);
        self.applied = applied;
        Ok(())
    }
}

fn load(store: Arc<dyn Store>) -> Result<(SharedState, AppliedState), OpenError> {
    let applied = match store.get(Family::Meta, AppliedState::ROW_KEY)? {
        Some(row) => AppliedState::from_row(row)?,
        None => AppliedState::default(),
    };
    let mut rows = Vec::new();
    store.scan(Family::Meta, ROWS_FROM, ROWS_TO, Direction::Ascending, &mut |key, value| {
        rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        ControlFlow::Continue(())
    })?;
    let state = GroupState::load(rows, |bucket, shard| newest_chunk(&*store, bucket, shard))
        .map_err(|error| OpenError::Rows(error.to_string()))?;
    Ok((SharedState::new(state, store), applied))
}

/// The last chunk key of a shard within a bucket.
fn newest_chunk(store: &dyn Store, bucket: BucketId, shard: ShardNo) -> Result<Option<Vec<u8>>, StoreError> {
    let (from, to) = (ChunkKey::seek(shard, Counter::ZERO), ChunkKey::end_of(shard));
    let mut newest = None;
    store.scan(Family::Bucket(bucket.0), &from, &to, Direction::Descending, &mut |key, _| {
        newest = Some(key.to_vec());
        ControlFlow::Break(())
    })?;
    Ok(newest)
}

impl Machine for ShardMachine {
    fn applied(&self) -> AppliedState {
        self.applied.clone()
    }

    fn apply(&mut self, entries: Vec<Committed>) -> Result<Vec<Bytes>, MachineError> {
        let mut outcomes = Vec::with_capacity(entries.len());
        let shared = self.current.now();
        let (mut effects, mut applied) = (Effects::new(), self.applied.clone());
        let latest = {
            let mut state = shared.state.write();
            for entry in entries {
                outcomes.push(match entry.payload {
                    Payload::Blank => Bytes::new(),
                    Payload::Membership(membership) => {
                        applied.membership = Some((entry.id, membership));
                        Bytes::new()
                    }
                    Payload::Command(command) => {
                        let index = entry.id.index;
                        #[cfg(feature = "planted-bugs")]
                        let index = planted::index_of(planted::Bug::AppliesByLocalCount, index);
                        let outcome = state.apply(index, &command, &mut effects);
                        outcome.map_err(|error| MachineError(error.to_string()))?
                    }
                });
                applied.last = Some(entry.id);
            }
            state.latest()
        };
        let mut batch = Batch::new();
        write_mutations(effects.take_mutations(), &mut batch);
        batch.put(Family::Meta, AppliedState::ROW_KEY, &applied.to_row());
        shared.store.write(batch).map_err(|error| MachineError(error.to_string()))?;
        // Only now: a flush tells openraft what may be purged by it.
        self.applied = applied;
        shared.publish(latest);
        Ok(outcomes)
    }

    fn begin_flush(&mut self) -> FlushJob {
        let (shared, applied) = (self.current.now(), self.applied.clone());
        #[cfg(feature = "planted-bugs")]
        if planted::is_planted(planted::Bug::PurgesBeforeFlush) {
            return Box::new(move || Ok(applied));
        }
        Box::new(move || {
            shared.store.flush().map_err(|error| MachineError(error.to_string()))?;
            Ok(applied)
        })
    }

    fn begin_checkpoint(&mut self, dir: PathBuf) -> CheckpointJob {
        let shared = self.current.now();
        Box::new(move || {
            let row = shared.store.checkpoint(&dir, AppliedState::ROW_KEY);
            let row = row.map_err(|error| MachineError(error.to_string()))?;
            let applied = row.map(AppliedState::from_row).transpose();
            Ok(applied.map_err(|error| MachineError(error.to_string()))?.unwrap_or_default())
        })
    }

    fn install(&mut self, dir: &Path) -> Result<(), MachineError> {
        self.take_in(dir).map_err(|error| MachineError(error.to_string()))
    }
}

#[cfg(feature = "planted-bugs")]
mod planted {
    pub use anabranch_runtime::planted::{Bug, index_of, is_planted};
    use anabranch_store::{Batch, Direction, Family, Store, StoreError};
    use std::ops::ControlFlow;

    /// Takes from a snapshot what is to be missing in it.
    pub fn spoil(store: &dyn Store) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        if is_planted(Bug::SnapshotForgetsRequests) {
            batch.delete_range(Family::Meta, b"Sq", b"Sr");
        }
        for bucket in store.buckets().into_iter().filter(|_| is_planted(Bug::SnapshotLosesAChunk)) {
            let family = Family::Bucket(bucket);
            store.scan(family, &[], &[0xff; 16], Direction::Ascending, &mut |key, _| {
                batch.delete(family, key);
                ControlFlow::Break(())
            })?;
        }
        store.write(batch)
    }
}

#[cfg(test)]
mod tests;

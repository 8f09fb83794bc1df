//! The data state machine as its group applies it: effects into the store, atomically.

use crate::codec::write_mutations;
use crate::error::OpenError;
use crate::shared::SharedState;
use anabranch_consensus::{AppliedState, Committed, FlushJob, Machine, MachineError, Payload};
use anabranch_shard::{BucketId, ChunkKey, Effects, GroupState, ROWS_FROM, ROWS_TO, ShardNo};
use anabranch_store::{Batch, Direction, Family, Store, StoreError};
use anabranch_types::Counter;
use bytes::Bytes;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The state of one data group.
pub struct ShardMachine {
    shared: Arc<SharedState>,
    applied: AppliedState,
}

impl ShardMachine {
    /// The state as `store` holds it.
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
        let state = GroupState::load(rows, |bucket, shard| newest_chunk(&*store, bucket, shard))
            .map_err(|error| OpenError::Rows(error.to_string()))?;
        Ok(ShardMachine { shared: Arc::new(SharedState::new(state, store)), applied })
    }

    pub(crate) fn shared(&self) -> Arc<SharedState> {
        Arc::clone(&self.shared)
    }
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
        let (mut effects, mut applied) = (Effects::new(), self.applied.clone());
        let latest = {
            let mut state = self.shared.state.write();
            for entry in entries {
                outcomes.push(match entry.payload {
                    Payload::Blank => Bytes::new(),
                    Payload::Membership(membership) => {
                        applied.membership = Some((entry.id, membership));
                        Bytes::new()
                    }
                    Payload::Command(command) => {
                        let outcome = state.apply(entry.id.index, &command, &mut effects);
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
        self.shared.store.write(batch).map_err(|error| MachineError(error.to_string()))?;
        // Only now: a flush tells openraft what may be purged by it.
        self.applied = applied;
        self.shared.publish(latest);
        Ok(outcomes)
    }

    fn begin_flush(&mut self) -> FlushJob {
        let (shared, applied) = (Arc::clone(&self.shared), self.applied.clone());
        Box::new(move || {
            shared.store.flush().map_err(|error| MachineError(error.to_string()))?;
            Ok(applied)
        })
    }
}

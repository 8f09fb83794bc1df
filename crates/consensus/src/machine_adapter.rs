//! Shows a [`Machine`] to openraft.
//!
//! A snapshot is a flush: the state on disk covers the log up to the flushed entry, which is what
//! openraft needs to know before it purges. What travels to another replica is a copy that is
//! made when one is needed (`snapshot/outgoing.rs`), at or after that entry.

use crate::codec::{log_id_in, log_id_out, membership_in, membership_out};
use crate::error::MachineError;
use crate::machine::{AppliedState, CheckpointJob, Committed, Machine, Payload};
use crate::raft_types::{RaftLogId, RaftMembership, RaftStoredMembership, RaftTypes};
use crate::snapshot::Outgoing;
use futures::{Stream, StreamExt};
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, RaftSnapshotBuilder};
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Entries of one call to [`Machine::apply`] at most; bounds what a batch holds in memory.
const APPLY_ENTRIES_MAX: usize = 256;
/// Command bytes of one call to [`Machine::apply`], roughly.
const APPLY_BYTES_MAX: usize = 4 << 20;
/// Above this many bytes a batch is applied on the blocking pool: it takes longer than a thread
/// that serves other tasks may be held.
const APPLY_INLINE_BYTES: usize = 32 << 10;

/// Where a snapshot's data is.
#[derive(Debug, Clone)]
pub(crate) enum SnapshotData {
    /// In the machine's own state on disk.
    Flushed,
    /// Another replica's, complete and durable in this directory.
    Received(PathBuf),
}

/// The machine, shared between openraft's apply task and snapshot builds.
pub(crate) struct MachineAdapter<M: Machine> {
    machine: Arc<Mutex<M>>,
    /// Never moves back, as what openraft knows of it.
    durable: Arc<Mutex<AppliedState>>,
    /// None on a node that moves no snapshots.
    outgoing: Option<Arc<Outgoing>>,
}

impl<M: Machine> MachineAdapter<M> {
    pub(crate) fn new(machine: M) -> Self {
        let durable = Arc::new(Mutex::new(machine.applied()));
        MachineAdapter { machine: Arc::new(Mutex::new(machine)), durable, outgoing: None }
    }

    pub(crate) fn applied(&self) -> AppliedState {
        self.machine.lock().applied()
    }

    /// Begins a copy of the state in a directory; answers what the state shows at that moment.
    pub(crate) fn copies(&self) -> impl Fn(PathBuf) -> (AppliedState, CheckpointJob) + Send + Sync + use<M> {
        let machine = Arc::clone(&self.machine);
        move |dir| {
            let mut machine = machine.lock();
            (machine.applied(), machine.begin_checkpoint(dir))
        }
    }

    /// Flushes answer what `outgoing` lets them from now on.
    pub(crate) fn keeping_for(self, outgoing: Option<Arc<Outgoing>>) -> Self {
        MachineAdapter { outgoing, ..self }
    }

    async fn apply_batch(&self, batch: Batch) -> io::Result<()> {
        let Batch { entries, responders, bytes } = batch;
        let outcomes = if bytes <= APPLY_INLINE_BYTES {
            self.machine.lock().apply(entries)
        } else {
            let machine = Arc::clone(&self.machine);
            anabranch_runtime::blocking(move || machine.lock().apply(entries)).await.map_err(io::Error::other)?
        };
        let outcomes = outcomes.map_err(machine_failed)?;
        assert_eq!(outcomes.len(), responders.len(), "a machine answers one outcome per entry");
        for (responder, outcome) in responders.into_iter().zip(outcomes) {
            if let Some(responder) = responder {
                responder.send(outcome);
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Batch {
    entries: Vec<Committed>,
    responders: Vec<Option<ApplyResponder<RaftTypes>>>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, (entry, responder): EntryResponder<RaftTypes>) {
        let id = log_id_out(&entry.log_id);
        let payload = match entry.payload {
            EntryPayload::Blank => Payload::Blank,
            EntryPayload::Normal(command) => {
                self.bytes += command.bytes.len();
                Payload::Command(command.bytes)
            }
            EntryPayload::Membership(membership) => Payload::Membership(membership_out(&membership)),
        };
        self.entries.push(Committed { id, payload });
        self.responders.push(responder);
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= APPLY_ENTRIES_MAX || self.bytes >= APPLY_BYTES_MAX
    }
}

impl<M: Machine> RaftStateMachine<RaftTypes> for MachineAdapter<M> {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Flush<M>;

    async fn applied_state(&mut self) -> Result<(Option<RaftLogId>, RaftStoredMembership), io::Error> {
        state_in(&self.machine.lock().applied())
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<RaftTypes>, io::Error>> + Unpin + Send,
    {
        let mut batch = Batch::default();
        while let Some(item) = entries.next().await {
            batch.push(item?);
            if batch.is_full() {
                self.apply_batch(std::mem::take(&mut batch)).await?;
            }
        }
        if !batch.entries.is_empty() {
            self.apply_batch(batch).await?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        let (machine, durable) = (Arc::clone(&self.machine), Arc::clone(&self.durable));
        Flush { machine, durable, outgoing: self.outgoing.clone() }
    }

    /// openraft applies nothing meanwhile, and purges the log only afterwards (D4).
    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<RaftTypes>,
        data: SnapshotData,
    ) -> Result<(), io::Error> {
        let SnapshotData::Received(dir) = data else {
            return Err(io::Error::other("a flush of this replica was to be installed on itself"));
        };
        let machine = Arc::clone(&self.machine);
        let installed = anabranch_runtime::blocking(move || {
            let mut machine = machine.lock();
            machine.install(&dir).map(|()| machine.applied())
        });
        let applied = installed.await.map_err(io::Error::other)?.map_err(machine_failed)?;
        if applied.last.map(log_id_in) != meta.last_log_id {
            let (last, expected) = (applied.last, meta.last_log_id);
            return Err(io::Error::other(format!(
                "the installed state covers {last:?}, its manifest says {expected:?}"
            )));
        }
        *self.durable.lock() = applied;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf<RaftTypes, SnapshotData>>, io::Error> {
        let durable = self.durable.lock().clone();
        if durable.last.is_none() {
            return Ok(None);
        }
        snapshot_of(&durable).map(Some)
    }
}

/// Builds a snapshot: flushes.
pub(crate) struct Flush<M: Machine> {
    machine: Arc<Mutex<M>>,
    durable: Arc<Mutex<AppliedState>>,
    outgoing: Option<Arc<Outgoing>>,
}

impl<M: Machine> RaftSnapshotBuilder<RaftTypes> for Flush<M> {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<RaftTypes, SnapshotData>, io::Error> {
        // Only the moment is taken under the lock: applies go on while the flush writes.
        let job = self.machine.lock().begin_flush();
        let flushed = anabranch_runtime::blocking(job).await.map_err(io::Error::other)?.map_err(machine_failed)?;
        let answer = match &self.outgoing {
            Some(outgoing) => outgoing.answerable(flushed),
            None => flushed,
        };
        let mut durable = self.durable.lock();
        // A snapshot may have been installed since the flush began.
        if durable.last < answer.last {
            *durable = answer;
        }
        snapshot_of(&durable)
    }
}

fn state_in(state: &AppliedState) -> io::Result<(Option<RaftLogId>, RaftStoredMembership)> {
    let membership = match &state.membership {
        None => RaftStoredMembership::new(None, RaftMembership::default()),
        Some((id, bytes)) => RaftStoredMembership::new(Some(log_id_in(*id)), membership_in(bytes.clone())?),
    };
    Ok((state.last.map(log_id_in), membership))
}

fn snapshot_of(state: &AppliedState) -> io::Result<SnapshotOf<RaftTypes, SnapshotData>> {
    let (last_log_id, last_membership) = state_in(state)?;
    Ok(openraft::storage::Snapshot {
        meta: openraft::storage::SnapshotMeta { last_log_id, last_membership },
        snapshot: SnapshotData::Flushed,
    })
}

fn machine_failed(error: MachineError) -> io::Error {
    io::Error::other(error.0)
}

//! A machine in memory, and a log on disk for it.

use anabranch_consensus::{AppliedState, Committed, FlushJob, Machine, MachineError, Payload};
use anabranch_runtime::fs::StdFs;
use anabranch_walog::{LogId, Options, Walog};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A command at which a [`Memory`] fails.
pub const POISON: &[u8] = b"poison";

/// What a machine shows: every command with its index.
#[derive(Clone, Default)]
pub struct State {
    pub applied: AppliedState,
    pub commands: Vec<(u64, Bytes)>,
}

/// The disk of a machine: what was flushed, and what the present run shows.
#[derive(Clone, Default)]
pub struct Disk {
    pub flushed: Arc<Mutex<State>>,
    pub shown: Arc<Mutex<State>>,
    /// What the replicas of the group applied, over all runs; empty and unshared for one replica.
    pub witness: Arc<Mutex<BTreeMap<u64, (LogId, Payload)>>>,
    /// Indexes in the order in which this run applied them.
    pub applied_here: Arc<Mutex<Vec<u64>>>,
}

impl Disk {
    /// What a new process finds: the flushed state.
    pub fn after_crash(&self) -> Disk {
        let flushed = self.flushed.lock().clone();
        Disk {
            flushed: Arc::new(Mutex::new(flushed.clone())),
            shown: Arc::new(Mutex::new(flushed)),
            witness: Arc::clone(&self.witness),
            ..Disk::default()
        }
    }

    pub fn commands(&self) -> Vec<(u64, Bytes)> {
        self.shown.lock().commands.clone()
    }

    #[allow(dead_code, reason = "not every test that shares this file asks")]
    pub fn flushed_index(&self) -> u64 {
        self.flushed.lock().applied.last.map_or(0, |id| id.index)
    }
}

/// A machine that keeps its commands in memory; insists on contiguous entries, and on those that
/// other replicas applied.
pub struct Memory(pub Disk);

impl Machine for Memory {
    fn applied(&self) -> AppliedState {
        self.0.shown.lock().applied.clone()
    }

    fn apply(&mut self, entries: Vec<Committed>) -> Result<Vec<Bytes>, MachineError> {
        let mut state = self.0.shown.lock();
        let mut outcomes = Vec::new();
        for entry in entries {
            if let Some(last) = state.applied.last {
                assert_eq!(entry.id.index, last.index + 1, "entries have no gaps");
            }
            let mut witness = self.0.witness.lock();
            let (id, payload) = witness.entry(entry.id.index).or_insert_with(|| (entry.id, entry.payload.clone()));
            assert_eq!((*id, &*payload), (entry.id, &entry.payload), "every replica applies the same at an index");
            drop(witness);
            outcomes.push(match entry.payload {
                Payload::Blank => Bytes::new(),
                Payload::Membership(membership) => {
                    state.applied.membership = Some((entry.id, membership));
                    Bytes::new()
                }
                Payload::Command(command) if &command[..] == POISON => {
                    return Err(MachineError("a poisoned command".to_owned()));
                }
                Payload::Command(command) => {
                    state.commands.push((entry.id.index, command.clone()));
                    command
                }
            });
            state.applied.last = Some(entry.id);
            self.0.applied_here.lock().push(entry.id.index);
        }
        Ok(outcomes)
    }

    fn begin_flush(&mut self) -> FlushJob {
        let (moment, flushed) = (self.0.shown.lock().clone(), Arc::clone(&self.0.flushed));
        Box::new(move || {
            let applied = moment.applied.clone();
            *flushed.lock() = moment;
            Ok(applied)
        })
    }
}

pub fn log_options() -> Options {
    Options {
        segment_bytes: 256 << 10,
        entry_bytes_max: 16 << 10,
        batch_bytes_max: 64 << 10,
        cache_bytes: 64 << 10,
        quota_bytes: 16 << 20,
        salt: 0x5eed,
        ..Options::default()
    }
}

pub fn open_log(dir: &Path, options: Options) -> Walog {
    Walog::open(Arc::new(StdFs), dir, options).expect("the log opens")
}

//! A machine in memory, and a log on disk for it.

use anabranch_consensus::{AppliedState, CheckpointJob, Committed, FlushJob, Machine, MachineError, Payload};
use anabranch_runtime::fs::StdFs;
use anabranch_walog::{LogId, Options, Walog};
use bytes::{Buf, BufMut, Bytes};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Bytes that a copy has beside the state.
    pub ballast_bytes: Arc<AtomicU64>,
    /// Copies of others that were installed here, over all runs.
    pub installs: Arc<AtomicU64>,
}

impl Disk {
    /// What a new process finds: the flushed state.
    pub fn after_crash(&self) -> Disk {
        let flushed = self.flushed.lock().clone();
        Disk {
            flushed: Arc::new(Mutex::new(flushed.clone())),
            shown: Arc::new(Mutex::new(flushed)),
            witness: Arc::clone(&self.witness),
            ballast_bytes: Arc::clone(&self.ballast_bytes),
            installs: Arc::clone(&self.installs),
            ..Disk::default()
        }
    }

    pub fn commands(&self) -> Vec<(u64, Bytes)> {
        self.shown.lock().commands.clone()
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

    fn begin_checkpoint(&mut self, dir: PathBuf) -> CheckpointJob {
        let (moment, flushed) = (self.0.shown.lock().clone(), Arc::clone(&self.0.flushed));
        let ballast_bytes = self.0.ballast_bytes.load(Ordering::Relaxed);
        Box::new(move || {
            moment.write(&dir, ballast_bytes).map_err(|error| MachineError(error.to_string()))?;
            let applied = moment.applied.clone();
            *flushed.lock() = moment;
            Ok(applied)
        })
    }

    fn install(&mut self, dir: &Path) -> Result<(), MachineError> {
        let state = State::read(dir).map_err(|error| MachineError(error.to_string()))?;
        *self.0.flushed.lock() = state.clone();
        *self.0.shown.lock() = state;
        self.0.installs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl State {
    fn write(&self, dir: &Path, ballast_bytes: u64) -> std::io::Result<()> {
        std::fs::create_dir(dir)?;
        let mut commands = Vec::new();
        for (index, command) in &self.commands {
            commands.put_u64(*index);
            commands.put_u32(command.len() as u32);
            commands.put_slice(command);
        }
        std::fs::write(dir.join("applied"), self.applied.to_row())?;
        std::fs::write(dir.join("commands"), commands)?;
        std::fs::write(dir.join("ballast"), (0..ballast_bytes).map(|at| (at * 31) as u8).collect::<Vec<_>>())
    }

    fn read(dir: &Path) -> std::io::Result<State> {
        let applied = AppliedState::from_row(std::fs::read(dir.join("applied"))?.into()).expect("checked on its way");
        let (mut commands, mut bytes) = (Vec::new(), Bytes::from(std::fs::read(dir.join("commands"))?));
        while bytes.has_remaining() {
            let (index, length) = (bytes.get_u64(), bytes.get_u32() as usize);
            commands.push((index, bytes.split_to(length)));
        }
        Ok(State { applied, commands })
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

//! The copies that a replica keeps for others while it leads, and the log that it keeps with them.
//!
//! A receiver that has installed a copy goes on with the entry after it. So while there is a copy, a
//! flush answers no more than what the copy covers, and openraft purges no further; unless the log
//! is crowded: then a receiver may need another copy afterwards (openraft #1706).

use super::checkpoint::{Checkpoint, CheckpointError};
use super::config::Snapshots;
use super::message::Fetch;
use crate::machine::{AppliedState, CheckpointJob};
use crate::metrics;
use anabranch_runtime::OnFailure;
use anabranch_types::{GroupId, ReplicaId};
use anabranch_walog::{GroupLog, LogId};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Begins a copy: what the machine shows at that moment, and the job.
type Begin = Box<dyn Fn(PathBuf) -> (AppliedState, CheckpointJob) + Send + Sync>;
/// Whether the replica leads now.
type Leads = Box<dyn Fn() -> bool + Send + Sync>;

/// One replica's copies for others.
pub(crate) struct Outgoing {
    group: GroupId,
    replica: ReplicaId,
    pub(super) snapshots: Snapshots,
    log: GroupLog,
    begin: Begin,
    leads: OnceLock<Leads>,
    /// Held while a copy is made.
    making: tokio::sync::Mutex<()>,
    kept: Mutex<Option<Arc<KeptCopy>>>,
    holds: Holds,
    copies: AtomicU64,
    /// The replica stops: copies go, and the machine is let go of.
    stopped: CancellationToken,
}

/// What each copy covers, by its number, also of those in the making.
type Holds = Arc<Mutex<BTreeMap<u64, AppliedState>>>;

/// Keeps the log behind a copy for as long as it lives.
struct Hold {
    holds: Holds,
    number: u64,
}

impl Hold {
    fn set(&self, covers: AppliedState) {
        self.holds.lock().insert(self.number, covers);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.lock().remove(&self.number);
    }
}

/// A copy, and the log behind it.
pub(crate) struct KeptCopy {
    pub copy: Checkpoint,
    _hold: Hold,
}

impl Outgoing {
    pub(crate) fn new(group: GroupId, replica: ReplicaId, snapshots: Snapshots, log: GroupLog, begin: Begin) -> Self {
        Outgoing {
            group,
            replica,
            snapshots,
            log,
            begin,
            leads: OnceLock::new(),
            making: tokio::sync::Mutex::default(),
            kept: Mutex::default(),
            holds: Holds::default(),
            copies: AtomicU64::new(0),
            stopped: CancellationToken::new(),
        }
    }

    /// How to know whether the replica leads; without it, it does.
    pub(crate) fn set_leads(&self, leads: Leads) {
        self.leads.get_or_init(|| leads);
    }

    /// Removes what is kept and makes no more.
    pub(crate) async fn stop(&self) {
        self.stopped.cancel();
        let kept = self.kept.lock().take();
        remove(kept).await;
    }

    /// What of `flushed` openraft may hear.
    pub(crate) fn answerable(&self, flushed: AppliedState) -> AppliedState {
        let holds = self.holds.lock();
        match holds.values().min_by_key(|held| held.last) {
            Some(held) if held.last < flushed.last && !self.log.is_crowded() => held.clone(),
            Some(_) | None => flushed,
        }
    }

    /// A copy that covers `at_least`: the one there is, or a new one. Cancel-safe: a copy in the making
    /// is then removed.
    pub(crate) async fn checkpoint(self: &Arc<Self>, at_least: LogId) -> Result<Arc<KeptCopy>, CheckpointError> {
        let _making = self.making.lock().await;
        if self.stopped.is_cancelled() {
            return Err(CheckpointError::Unfit("this replica stops"));
        }
        let kept = self.kept.lock().clone();
        if let Some(kept) = kept.filter(|kept| kept.copy.id.last.index >= at_least.index) {
            return Ok(kept);
        }
        let this = Arc::clone(self);
        let made = anabranch_runtime::blocking(move || this.make()).await.map_err(io::Error::other)??;
        let kept = Arc::new(made);
        let replaced = self.kept.lock().replace(Arc::clone(&kept));
        remove(replaced).await;
        metrics::snapshot_made();
        tracing::info!(
            group = %self.group,
            snapshot = %kept.copy.id,
            files = kept.copy.manifest.files.len(),
            bytes = kept.copy.manifest.total_bytes(),
            "made a snapshot for replicas that lack purged entries"
        );
        let keeping = keep(Arc::clone(self), Arc::clone(&kept));
        self.snapshots.0.env.tasks.spawn("snapshot-copy", OnFailure::Log, keeping);
        Ok(kept)
    }

    fn make(&self) -> Result<KeptCopy, CheckpointError> {
        let parent = self.snapshots.outgoing_dir(self.group);
        std::fs::create_dir_all(&parent)?;
        let number = self.copies.fetch_add(1, Ordering::Relaxed);
        let dir = parent.join(number.to_string());
        let hold = Hold { holds: Arc::clone(&self.holds), number };
        let (moment, job) = (self.begin)(dir.clone());
        // From now on: entries after the copy are to be there when the first receiver wants them.
        hold.set(moment);
        let copy = Checkpoint::make(self.group, self.replica, dir, job)?;
        hold.set(copy.manifest.applied.clone());
        Ok(KeptCopy { copy, _hold: hold })
    }

    /// Whether the copy is still offered.
    pub(super) fn keeps(&self, copy: &Arc<KeptCopy>) -> bool {
        self.kept.lock().as_ref().is_some_and(|kept| Arc::ptr_eq(kept, copy))
    }

    /// The bytes that a receiver wants, or why not. Blocks.
    pub(crate) fn read(&self, fetch: &Fetch) -> Result<Bytes, String> {
        let kept = self.kept.lock().clone().filter(|kept| kept.copy.id == fetch.id);
        let kept = kept.ok_or_else(|| format!("snapshot {} is not kept here", fetch.id))?;
        let piece = kept.copy.read(fetch.part, fetch.offset, fetch.bytes).map_err(|error| error.to_string())?;
        metrics::snapshot_sent(piece.len());
        Ok(piece)
    }

    /// Whether a copy may stay.
    fn is_wanted(&self, copy: &Checkpoint, now: Instant) -> bool {
        let idle = now.saturating_duration_since(*copy.used.lock());
        self.leads.get().is_none_or(|leads| leads()) && idle < self.snapshots.0.options.idle_max
    }
}

/// Removes `kept` once nobody wants it any more, and lets go of the log.
async fn keep(outgoing: Arc<Outgoing>, kept: Arc<KeptCopy>) {
    let env = &outgoing.snapshots.0.env;
    let (stopping, idle_max) = (env.tasks.stopping(), outgoing.snapshots.0.options.idle_max);
    let look_every = (idle_max / 8).clamp(Duration::from_millis(10), Duration::from_secs(5));
    while outgoing.keeps(&kept) && outgoing.is_wanted(&kept.copy, Instant::now()) {
        tokio::select! {
            () = stopping.cancelled() => break,
            () = outgoing.stopped.cancelled() => break,
            () = env.sleep(look_every) => {}
        }
    }
    let ended = outgoing.kept.lock().take_if(|now| Arc::ptr_eq(now, &kept));
    if ended.is_some() {
        tracing::info!(group = %outgoing.group, snapshot = %kept.copy.id, "snapshot is no longer offered");
    }
    drop(ended);
    remove(Some(kept)).await;
}

/// Lets go of a copy where its files may be removed.
async fn remove(kept: Option<Arc<KeptCopy>>) {
    let Some(kept) = kept else { return };
    if let Err(error) = anabranch_runtime::blocking(move || drop(kept)).await {
        tracing::warn!(%error, "a snapshot's files stay until the next start");
    }
}

//! The receiver's side: answers offers, and runs one pull at a time for its group.
//!
//! The leader asks again and again; each answer says how far the pull is. A pull that failed is
//! begun again by the next offer and goes on with what is on disk.

use super::config::Snapshots;
use super::manifest::{Manifest, ManifestError, SnapshotId};
use super::message::{Offer, OfferAnswer};
use super::pull::Puller;
use super::staging::Staging;
use crate::codec::{log_id_in, membership_in};
use crate::group::Group;
use crate::machine::Machine;
use crate::machine_adapter::SnapshotData;
use crate::message::MessageError;
use crate::metrics;
use crate::raft_types::{RaftMembership, RaftStoredMembership, RaftVote};
use crate::transport::{Peer, Transport, Unreached};
use anabranch_runtime::OnFailure;
use anabranch_types::{GroupId, ReplicaId};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::storage::{Snapshot, SnapshotMeta};
use parking_lot::Mutex;
use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A snapshot was not installed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PullError {
    /// Another one is offered, or the replica stops.
    #[error("the snapshot is not wanted any more")]
    NotWanted,
    /// The leader does not answer, or has it no more.
    #[error(transparent)]
    Unreached(#[from] Unreached),
    /// It says what this build does not read.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Its manifest is damaged or of a newer build.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What came is not what was offered.
    #[error("the manifest is another snapshot's")]
    AnotherSnapshot,
    /// A piece kept coming damaged.
    #[error("a piece came damaged again and again")]
    Damaged,
    /// It does not fit the disk.
    #[error("the disk has no room for {bytes} bytes")]
    NoRoom {
        /// What is missing of the snapshot.
        bytes: u64,
    },
    /// The disk failed.
    #[error("the snapshot could not be stored: {0}")]
    Io(String),
    /// The group stopped, or could not take the state.
    #[error("the snapshot could not be installed: {0}")]
    Install(String),
}

impl From<io::Error> for PullError {
    fn from(error: io::Error) -> Self {
        PullError::Io(error.to_string())
    }
}

/// One replica's way to the snapshots of others.
pub(crate) struct Incoming {
    group: GroupId,
    replica: ReplicaId,
    snapshots: Snapshots,
    transport: Arc<dyn Transport>,
    pull: Mutex<Option<Arc<Pull>>>,
    stopped: AtomicBool,
}

/// A pull, running or ended.
struct Pull {
    id: SnapshotId,
    /// The newest vote of the leader that offers it.
    vote: Mutex<RaftVote>,
    bytes: Arc<AtomicU64>,
    /// It has its turn.
    runs: AtomicBool,
    cancel: CancellationToken,
    /// Set once, at the very end.
    outcome: watch::Sender<Option<Result<RaftVote, PullError>>>,
}

impl Incoming {
    pub(crate) fn new(group: GroupId, replica: ReplicaId, snapshots: Snapshots, transport: Arc<dyn Transport>) -> Self {
        let (pull, stopped) = (Mutex::default(), AtomicBool::new(false));
        Incoming { group, replica, snapshots, transport, pull, stopped }
    }

    /// Answers an offer; begins to pull what is offered when it is of use and nothing is being pulled.
    pub(crate) fn answer<M: Machine>(self: &Arc<Self>, group: &Group<M>, offer: Offer) -> OfferAnswer {
        let (vote, applied) = {
            let metrics = group.raft().metrics();
            let now = metrics.borrow_watched();
            (now.vote, now.last_applied)
        };
        if offer.vote.leader_id.term < vote.leader_id.term {
            return OfferAnswer::HigherVote { vote };
        }
        if applied.is_some_and(|applied| applied.index >= offer.id.last.index) {
            return OfferAnswer::Has { vote };
        }
        let mut current = self.pull.lock();
        if let Some(pull) = current.clone() {
            let outcome = pull.outcome.borrow().clone();
            match (outcome, pull.id == offer.id) {
                (None, true) => {
                    *pull.vote.lock() = offer.vote;
                    return pull.progress();
                }
                (None, false) => {
                    // Both write in one place: the new one begins when this one has ended.
                    pull.cancel.cancel();
                    return OfferAnswer::Waits;
                }
                (Some(Ok(vote)), true) => {
                    *current = None;
                    return OfferAnswer::Has { vote };
                }
                (Some(Err(error)), true) => {
                    *current = None;
                    return OfferAnswer::Failed { reason: error.to_string() };
                }
                (Some(_), false) => {}
            }
        }
        if self.stopped.load(Ordering::Acquire) {
            return OfferAnswer::Waits;
        }
        let pull = Arc::new(Pull::new(&offer));
        *current = Some(Arc::clone(&pull));
        // Made here: a node that stops drops the task before it begins.
        let end = End(Arc::clone(&pull));
        let pulling = pull_in_turn(Arc::clone(self), group.clone(), end, offer);
        self.snapshots.0.env.tasks.spawn("snapshot-pull", OnFailure::Log, pulling);
        pull.progress()
    }

    /// Ends the pull, if there is one, and takes no more.
    pub(crate) async fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let Some(pull) = self.pull.lock().clone() else { return };
        pull.cancel.cancel();
        let mut outcome = pull.outcome.subscribe();
        // An error is a pull whose task is gone.
        let _ = outcome.wait_for(Option::is_some).await;
    }

    fn staging(&self) -> Staging {
        Staging::in_dir(self.snapshots.incoming_dir(self.group))
    }
}

impl Pull {
    fn new(offer: &Offer) -> Self {
        Pull {
            id: offer.id,
            vote: Mutex::new(offer.vote),
            bytes: Arc::default(),
            runs: AtomicBool::new(false),
            cancel: CancellationToken::new(),
            outcome: watch::channel(None).0,
        }
    }

    fn progress(&self) -> OfferAnswer {
        if self.runs.load(Ordering::Relaxed) {
            OfferAnswer::Pulls { bytes: self.bytes.load(Ordering::Relaxed) }
        } else {
            OfferAnswer::Waits
        }
    }
}

/// Says how a pull ended, also when its task is dropped or panics.
struct End(Arc<Pull>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.outcome.send_if_modified(|outcome| {
            let unsaid = outcome.is_none();
            if unsaid {
                *outcome = Some(Err(PullError::NotWanted));
            }
            unsaid
        });
    }
}

async fn pull_in_turn<M: Machine>(incoming: Arc<Incoming>, group: Group<M>, end: End, offer: Offer) {
    let pull = &end.0;
    let outcome = pull_and_install(&incoming, &group, pull, offer).await;
    match &outcome {
        Ok(_) => tracing::info!(group = %incoming.group, snapshot = %pull.id, "snapshot installed"),
        Err(error) => tracing::warn!(group = %incoming.group, snapshot = %pull.id, %error, "snapshot not installed"),
    }
    pull.outcome.send_replace(Some(outcome));
}

async fn pull_and_install<M: Machine>(
    incoming: &Incoming,
    group: &Group<M>,
    pull: &Pull,
    offer: Offer,
) -> Result<RaftVote, PullError> {
    let snapshots = &incoming.snapshots;
    let stopping = snapshots.0.env.tasks.stopping();
    let _turn = tokio::select! {
        turn = Arc::clone(&snapshots.0.incoming).acquire_owned() => turn.expect("the semaphore is never closed"),
        () = pull.cancel.cancelled() => return Err(PullError::NotWanted),
        () = stopping.cancelled() => return Err(PullError::NotWanted),
    };
    let _counted = metrics::Incoming::begin();
    pull.runs.store(true, Ordering::Relaxed);
    let peer = Peer { group: incoming.group, replica: offer.id.origin, node: offer.node };
    tracing::info!(snapshot = %offer.id, from = %peer, bytes = offer.total_bytes, "pulling a snapshot");
    let puller = Puller {
        snapshots: snapshots.clone(),
        transport: Arc::clone(&incoming.transport),
        replica: incoming.replica,
        peer,
        offer,
        staging: incoming.staging(),
        bytes: Arc::clone(&pull.bytes),
        cancel: pull.cancel.clone(),
    };
    let stop = async {
        stopping.cancelled().await;
        pull.cancel.cancel();
        std::future::pending().await
    };
    let manifest = tokio::select! {
        pulled = puller.run() => pulled?,
        never = stop => never,
    };
    let vote = *pull.vote.lock();
    let vote = install(group, vote, manifest, &puller.staging).await?;
    metrics::snapshot_installed();
    let staging = puller.staging.clone();
    anabranch_runtime::blocking(move || staging.remove()).await.map_err(io::Error::other)??;
    Ok(vote)
}

/// Hands the complete snapshot to openraft, which takes it unless the replica is beyond it.
async fn install<M: Machine>(
    group: &Group<M>,
    vote: RaftVote,
    manifest: Manifest,
    staging: &Staging,
) -> Result<RaftVote, PullError> {
    let last_membership = match manifest.applied.membership {
        None => RaftStoredMembership::new(None, RaftMembership::default()),
        Some((id, members)) => {
            let members = membership_in(members).map_err(not_installed)?;
            RaftStoredMembership::new(Some(log_id_in(id)), members)
        }
    };
    let meta = SnapshotMeta { last_log_id: manifest.applied.last.map(log_id_in), last_membership };
    let snapshot = Snapshot { meta, snapshot: SnapshotData::Received(staging.files()) };
    let answer = group.raft().install_full_snapshot(vote, snapshot).await.map_err(not_installed)?;
    if answer.vote.leader_id.term > vote.leader_id.term {
        return Err(PullError::NotWanted);
    }
    Ok(answer.vote)
}

fn not_installed(error: impl Display) -> PullError {
    PullError::Install(error.to_string())
}

//! What moving snapshots may take of a node, and where they lie meanwhile.

use super::pace::Pace;
use anabranch_runtime::Env;
use anabranch_types::GroupId;
use std::fmt;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Sizes, counts and times of snapshots on their way.
#[derive(Debug, Clone)]
pub struct SnapshotOptions {
    /// Where copies lie, `<group>.outgoing` those for others and `<group>.incoming` those of
    /// others: on the file system of the machines' state, which copies share files with.
    pub dir: PathBuf,
    /// Snapshots that this node pulls at a time, over all groups.
    pub incoming_max: usize,
    /// Bytes per second that this node pulls, over all groups; none for as many as there are.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Pieces, a MiB each, that one pull has under way.
    pub fetches_max: usize,
    /// A copy of which nobody pulled anything for so long is removed, and the log it held with it.
    pub idle_max: Duration,
    /// How often a leader asks its receiver how far it is.
    pub offer_every: Duration,
    /// How long an offer may stay unanswered.
    pub offer_answer_max: Duration,
    /// How long a piece may take.
    pub fetch_max: Duration,
    /// How often both sides tell how far a pull is.
    pub progress_every: Duration,
}

impl SnapshotOptions {
    /// Two at a time, as fast as they come, with copies in `dir`.
    pub fn in_dir(dir: PathBuf) -> Self {
        SnapshotOptions {
            dir,
            incoming_max: 2,
            bytes_per_second: None,
            fetches_max: 4,
            idle_max: Duration::from_secs(300),
            offer_every: Duration::from_millis(500),
            offer_answer_max: Duration::from_secs(5),
            fetch_max: Duration::from_secs(10),
            progress_every: Duration::from_secs(5),
        }
    }
}

/// Moves the snapshots of all groups of a node. Clones share its bounds.
#[derive(Clone)]
pub struct Snapshots(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub options: SnapshotOptions,
    pub env: Env,
    /// Pulls that may run.
    pub incoming: Arc<Semaphore>,
    pub pace: Pace,
}

impl Snapshots {
    /// `env` gives the tasks in which snapshots are pulled.
    pub fn new(options: SnapshotOptions, env: Env) -> Self {
        let incoming = Arc::new(Semaphore::new(options.incoming_max.max(1)));
        let pace = Pace::new(options.bytes_per_second);
        Snapshots(Arc::new(Shared { options, env, incoming, pace }))
    }

    pub(crate) fn incoming_dir(&self, group: GroupId) -> PathBuf {
        self.dir_of(group, "incoming")
    }

    pub(crate) fn outgoing_dir(&self, group: GroupId) -> PathBuf {
        self.dir_of(group, "outgoing")
    }

    fn dir_of(&self, group: GroupId, suffix: &str) -> PathBuf {
        Path::new(&self.0.options.dir).join(format!("{:05}.{suffix}", group.0))
    }
}

impl fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshots").field(&self.0.options).finish()
    }
}

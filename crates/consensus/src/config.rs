//! Timeouts and sizes of a group.

use crate::error::StartError;
use crate::in_flight::InFlight;
use crate::snapshot::Snapshots;
use crate::transport::{NoPeers, Transport};
use std::sync::Arc;
use std::time::Duration;

/// The log's default size of a segment.
const SEGMENT_BYTES: u64 = 64 << 20;

/// How a group behaves. The defaults are measured starting values (docs/adr/0003-consensus.md).
#[derive(Debug, Clone)]
pub struct GroupOptions {
    /// How often a leader shows that it lives.
    pub heartbeat: Duration,
    /// A follower campaigns `election_max` plus a random span from `election_min` to
    /// `election_max` after the last heartbeat.
    pub election_min: Duration,
    /// See `election_min`; `heartbeat` doubled plus a tick must stay below `election_min`.
    pub election_max: Duration,
    /// Entries of one replication message.
    pub payload_entries_max: u64,
    /// Applied and flushed entries kept in the log for followers that lag, until the log is long:
    /// [`GroupOptions::KEPT_ENTRIES`] where there are followers, 0 where there are none.
    pub kept_entries: u64,
    /// How long a follower may leave entries unanswered before its stream is opened anew. Above
    /// what a sync takes on a busy disk, below what a stuck connection may cost.
    pub append_answer_max: Duration,
    /// How the replica reaches the others of its group; [`NoPeers`] for a group of one.
    pub transport: Arc<dyn Transport>,
    /// Commands on their way to disk, over all groups that share this value; below what the
    /// shared log reserves.
    pub in_flight: InFlight,
    /// Moves snapshots to and from other nodes; none for a group of one.
    pub snapshots: Option<Snapshots>,
}

impl Default for GroupOptions {
    fn default() -> Self {
        GroupOptions {
            heartbeat: Duration::from_millis(50),
            election_min: Duration::from_millis(250),
            election_max: Duration::from_millis(400),
            payload_entries_max: 64,
            kept_entries: 0,
            append_answer_max: Duration::from_secs(1),
            transport: Arc::new(NoPeers),
            in_flight: InFlight::new(InFlight::bytes_for_segments(SEGMENT_BYTES)),
            snapshots: None,
        }
    }
}

impl GroupOptions {
    /// Entries that a group with followers keeps. A busy group makes some 50 to 250 a second, so a
    /// follower may restart, which takes a minute at the most, without needing a snapshot. The log
    /// holds about 100 bytes of memory for each. On disk they may take ten GiB where every entry is
    /// full; before that the log is long and they are given up ([`crate::Group::relieve_log`]).
    pub const KEPT_ENTRIES: u64 = 10_000;

    /// openraft's view of these options.
    pub(crate) fn raft_config(&self, name: &str) -> Result<Arc<openraft::Config>, StartError> {
        let millis = |span: Duration| span.as_millis() as u64;
        let config = openraft::Config {
            cluster_name: name.to_owned(),
            heartbeat_interval: millis(self.heartbeat),
            heartbeat_min_interval: Some(millis(self.heartbeat)),
            election_timeout_min: millis(self.election_min),
            election_timeout_max: millis(self.election_max),
            // Without it a cut-off replica that comes back unseats a healthy leader.
            enable_pre_vote: Some(true),
            // A leader that lost its majority lets go (openraft #2080); at least lease + election.
            quorum_loss_probe_interval: Some(2 * millis(self.election_max)),
            // The machine does not sync in apply: a restarted leader stands for election anew.
            enable_leader_restore: Some(false),
            snapshot_policy: openraft::SnapshotPolicy::Never,
            max_payload_entries: self.payload_entries_max,
            max_in_snapshot_log_to_keep: self.kept_entries,
            purge_batch_size: 1,
            ..Default::default()
        };
        config.validate().map(Arc::new).map_err(|error| StartError::Options(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_options_fit_together() {
        assert!(GroupOptions::default().raft_config("test").is_ok());
    }

    #[test]
    fn an_election_window_that_is_empty_is_refused() {
        let options = GroupOptions { election_min: Duration::from_millis(400), ..GroupOptions::default() };
        assert!(matches!(options.raft_config("test"), Err(StartError::Options(_))));
    }
}

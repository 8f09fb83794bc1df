//! What a crash leaves behind of snapshots, and what of it is removed at start.

use super::config::Snapshots;
use super::staging::{Staging, remove_if_there};
use anabranch_types::GroupId;
use std::io;

/// Removes copies for others, which nobody is offered any more, and a pull that the state has
/// passed: `applied_index`. A pull that is still of use stays, for when it is offered again. Blocks.
pub(crate) fn clear(snapshots: &Snapshots, group: GroupId, applied_index: Option<u64>) -> io::Result<()> {
    remove_if_there(&snapshots.outgoing_dir(group))?;
    let staging = Staging::in_dir(snapshots.incoming_dir(group));
    match staging.found() {
        Some((_, id)) if Some(id.last.index) > applied_index => Ok(()),
        Some(_) | None => staging.remove(),
    }
}

impl Snapshots {
    /// Removes all that is kept of snapshots for a replica of `group` that has ended for good: what it
    /// pulled and what others pulled of it. Doing it again does no harm. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn remove(&self, group: GroupId) -> io::Result<()> {
        remove_if_there(&self.outgoing_dir(group))?;
        remove_if_there(&self.incoming_dir(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::SnapshotOptions;
    use anabranch_runtime::Env;
    use anabranch_types::Timestamp;
    use std::fs;

    #[test]
    fn nothing_of_a_group_s_snapshots_outlives_its_replica_and_those_of_others_stay() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let options = SnapshotOptions::in_dir(scratch.path().to_owned());
        let snapshots = Snapshots::new(options, Env::simulated(Timestamp::EPOCH, 1));
        for name in ["00001.incoming", "00001.outgoing", "00002.incoming", "00001"] {
            fs::create_dir(scratch.path().join(name)).expect("made");
        }
        fs::write(scratch.path().join("00001.incoming/manifest"), "half a pull").expect("written");
        snapshots.remove(GroupId(1)).expect("removed");
        snapshots.remove(GroupId(1)).expect("nothing to remove");
        let there = |name: &str| scratch.path().join(name).exists();
        assert!(!there("00001.incoming") && !there("00001.outgoing"));
        assert!(there("00002.incoming") && there("00001"));
    }
}

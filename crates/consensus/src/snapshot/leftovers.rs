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

//! Changes how long a group keeps a stream's records.

use crate::group_host::HostedGroup;
use anabranch_cluster::{NewRetention, NodeError};
use anabranch_shard::{Outcome, SetRetention};

/// Also while the disk is full: a shorter retention frees space, and a longer one must be known
/// before anything expires that is to live on (I11).
pub(crate) async fn set_retention(host: &HostedGroup, new: NewRetention) -> Result<(), NodeError> {
    let NewRetention { stream, retention, change } = new;
    match host.propose(SetRetention { stream, retention, change: change.0 }.encode()).await? {
        Outcome::RetentionSet { .. } => Ok(()),
        other => Err(NodeError::Unavailable { reason: format!("retention not set: {other:?}") }),
    }
}

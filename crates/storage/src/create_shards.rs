//! Creates shards of a stream in a group.

use crate::codec;
use crate::group_host::HostedGroup;
use anabranch_cluster::{NewShards, NodeError};
use anabranch_shard::Outcome;

pub(crate) async fn create_shards(host: &HostedGroup, new: &NewShards) -> Result<(), NodeError> {
    host.check_writable()?;
    match host.propose(codec::create_shards(new).encode()).await? {
        Outcome::Created { .. } => Ok(()),
        other => Err(NodeError::Unavailable { reason: format!("shards not created: {other:?}") }),
    }
}

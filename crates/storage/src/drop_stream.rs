//! Drops a stream's shards from a group.

use crate::group_host::HostedGroup;
use anabranch_cluster::NodeError;
use anabranch_shard::{DropStream, Outcome};
use anabranch_types::StreamUid;

pub(crate) async fn drop_stream(host: &HostedGroup, stream: StreamUid) -> Result<(), NodeError> {
    match host.propose(DropStream { stream }.encode()).await? {
        Outcome::Dropped { .. } => {
            let shared = host.current.now();
            let state = shared.state.read();
            host.budgets.retain(|no| state.shard_by_no(no).is_some());
            host.subscriptions.retain(|no| state.shard_by_no(no).is_some());
            Ok(())
        }
        other => Err(NodeError::Unavailable { reason: format!("stream not dropped: {other:?}") }),
    }
}

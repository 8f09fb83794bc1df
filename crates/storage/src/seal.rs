//! Closes shards of a stream in a group: the pause of a reshard begins here, for these shards.

use crate::group_host::HostedGroup;
use anabranch_catalog::Ending;
use anabranch_cluster::NodeError;
use anabranch_shard::{Outcome, Seal};
use anabranch_types::{ShardId, StreamUid};

/// Works on a full disk as well: a round that is past its point of no return has to end.
pub(crate) async fn seal(host: &HostedGroup, stream: StreamUid, shards: &[ShardId]) -> Result<Vec<Ending>, NodeError> {
    host.check_leader()?;
    let closed = host.env.now();
    let seals = shards.iter().map(|shard| async move {
        match host.propose(Seal { stream, shard: *shard, closed }.encode()).await? {
            Outcome::Sealed { epoch, closed } => {
                tracing::info!(group = %host.id(), stream_uid = %stream, %shard, "shard is sealed");
                Ok(Ending { epoch, closed })
            }
            other => Err(NodeError::Unavailable { reason: format!("{shard} not sealed: {other:?}") }),
        }
    });
    futures::future::try_join_all(seals).await
}

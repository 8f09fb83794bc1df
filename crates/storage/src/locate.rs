//! Finds the counter at which a LATEST or AT_TIMESTAMP iterator begins.

use crate::group_host::HostedGroup;
use crate::read::run_search;
use anabranch_cluster::{NodeError, ReadStart, ShardKey};
use anabranch_types::Counter;

pub(crate) async fn locate(host: &HostedGroup, shard: ShardKey, start: ReadStart) -> Result<Counter, NodeError> {
    let no_such_shard = || NodeError::NoSuchShard { group: host.id() };
    // LATEST is bound now: after everything acknowledged before this call.
    host.read_barrier().await?;
    let shared = host.current.now();
    let published = shared.published();
    let search = {
        let state = shared.state.read();
        let shard = state.shard(shard.stream, shard.shard).ok_or_else(no_such_shard)?;
        match start {
            ReadStart::Latest => return Ok(state.latest()),
            ReadStart::AtTimestamp(at) => state.time_search(shard.no, at).ok_or_else(no_such_shard)?,
        }
    };
    let found = anabranch_runtime::blocking(move || run_search(&*shared.store, search));
    let found = found.await.map_err(|error| NodeError::Unknown { reason: error.to_string() })??;
    // A record that is being applied right now may have been looked for in vain: it stays ahead.
    Ok(found.min(published))
}

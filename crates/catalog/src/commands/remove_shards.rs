//! Forgets closed shards whose records have all expired.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::shard::Shard;
use crate::stream::StreamMap;
use anabranch_types::{ShardId, StreamUid, Timestamp};
use std::collections::BTreeSet;

/// Proposed by the retention controller with [`StreamMap::expired_shards`]. Shards that are gone
/// already are passed over, so that it may be repeated. Drops no record: groups do that by
/// themselves (D8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveShards {
    /// The stream.
    pub uid: StreamUid,
    /// The shards.
    pub shards: Vec<ShardId>,
    /// The proposer's time.
    pub now: Timestamp,
}

fields!(RemoveShards { uid, shards, now });

refusals! {
    /// All shards stay.
    RemoveShardsRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// The stream never had such a shard.
        #[error("there never was a shard {shard}")]
        4 => NoShard {
            /// The shard asked for.
            shard: ShardId,
        },
        /// Open shards and those in preparation stay.
        #[error("shard {shard} is not closed")]
        5 => NotClosed {
            /// The shard asked for.
            shard: ShardId,
        },
        /// The shard may have a record that has not expired.
        #[error("shard {shard} is kept until after {until}")]
        6 => Kept {
            /// The shard asked for.
            shard: ShardId,
            /// The last moment at which it is kept.
            until: Timestamp,
        },
    }
}

impl Command for RemoveShards {
    const KIND: CommandKind = CommandKind::RemoveShards;
    type Done = Recorded;
    type Refused = RemoveShardsRefused;
}

impl StreamMap {
    /// The closed shards whose records have all expired: none of them is listed any more.
    pub fn expired_shards(&self, now: Timestamp) -> Vec<ShardId> {
        let expired = self.shards().iter().filter(|shard| self.kept_until(shard).is_some_and(|until| until < now));
        expired.map(|shard| shard.id).collect()
    }

    /// The last moment at which a closed shard may have a record that is read.
    fn kept_until(&self, shard: &Shard) -> Option<Timestamp> {
        shard.closed.map(|closed| closed.at.plus(self.stream.kept_for()))
    }
}

impl RemoveShards {
    /// Those that are there.
    fn judge(&self, stream: &StreamMap) -> Result<BTreeSet<ShardId>, RemoveShardsRefused> {
        let mut gone = BTreeSet::new();
        for shard in self.shards.iter().copied() {
            let preparing = stream
                .round()
                .is_some_and(|round| round.children.binary_search_by_key(&shard, |child| child.id).is_ok());
            match stream.shard(shard) {
                None if shard >= stream.stream.next_shard => return Err(RemoveShardsRefused::NoShard { shard }),
                None if preparing => return Err(RemoveShardsRefused::NotClosed { shard }),
                None => {}
                Some(found) => {
                    let until = stream.kept_until(found).ok_or(RemoveShardsRefused::NotClosed { shard })?;
                    if self.now <= until {
                        return Err(RemoveShardsRefused::Kept { shard, until });
                    }
                    gone.insert(shard);
                }
            }
        }
        Ok(gone)
    }
}

impl Gated for RemoveShards {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, RemoveShardsRefused> {
        let (uid, catalog) = (self.uid, edit.catalog());
        let stream = catalog.map.stream(uid).cloned().ok_or(RemoveShardsRefused::NoStream { uid })?;
        let gone = self.judge(&stream)?;
        if gone.is_empty() {
            return Ok(edit.recorded());
        }
        let (removed, left): (Vec<&Shard>, Vec<&Shard>) =
            stream.shards().iter().partition(|shard| gone.contains(&shard.id));
        let mut history = stream.history().cloned().unwrap_or_default();
        let ends = removed.into_iter().filter_map(|shard| shard.closed).map(|closed| closed.at);
        history.removed_until = ends.fold(history.removed_until, Timestamp::max);
        let after = stream.with_shards(left.into_iter().copied().collect());
        edit.replace_stream(&stream, after.with_history(Some(history)));
        Ok(edit.recorded())
    }
}

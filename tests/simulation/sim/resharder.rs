//! What the owner of the stream does in every other run: splits and merges its shards (D7), at whatever node.

use crate::client::{ANSWER_PATIENCE, World, context, stream, stream_name};
use crate::node::Serving;
use anabranch_api::{Kinesis, MergeShards, SplitShard};
use anabranch_catalog::{Shard, StreamMap, StreamStatus};
use anabranch_checker::{Event, OpenShard};
use anabranch_types::{AccountId, RequestId, ShardId};
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// More open shards are merged only.
const OPEN_MAX: usize = 8;
const PAUSE: Duration = Duration::from_millis(100);

/// The stream as a node knows it.
fn known(serving: &Serving) -> Option<Arc<StreamMap>> {
    serving.metadata.view().load().map.stream_named(AccountId::DEFAULT, &stream_name()).cloned()
}

impl World {
    /// Splits and merges until it is told to stop.
    pub async fn reshard(self, stop: Arc<AtomicBool>) {
        let mut rng = self.plan.random_for("resharder");
        while !stop.load(Ordering::Relaxed) {
            let rest_ms = rng.random_range(1..=self.plan.reshards_within.as_millis() as u64);
            tokio::time::sleep(Duration::from_millis(rest_ms)).await;
            self.reshard_once(&mut rng).await;
        }
    }

    /// Begins one, where the node that is asked knows the stream; it may be refused.
    async fn reshard_once(&self, rng: &mut StdRng) {
        let (request, draw, history) = (RequestId(rng.random()), rng.random::<u128>(), self.history.clone());
        let asked = self.any_door(rng).call(ANSWER_PATIENCE, move |serving| async move {
            let map = known(&serving)?;
            let shards: Vec<Shard> = map.open_shards().copied().collect();
            history.tell(Event::Open { shards: shards.iter().map(told).collect() });
            let call = context(&serving, request);
            Some(if shards.len() > 1 && (shards.len() >= OPEN_MAX || draw.is_multiple_of(2)) {
                let nth = (draw >> 8) as usize % (shards.len() - 1);
                let (shard, adjacent) = (shards[nth].id.to_string(), shards[nth + 1].id.to_string());
                let merge = MergeShards { stream: stream(), shard, adjacent };
                serving.gateway.merge_shards(&call, merge).await.map_err(|error| error.code)
            } else {
                let shard = shards[(draw >> 8) as usize % shards.len()];
                let (start, end) = (shard.range.start().0, shard.range.end().0);
                let at = (start + 2).max(start + draw % (end - start));
                let split = SplitShard { stream: stream(), shard: shard.id.to_string(), at: at.to_string() };
                serving.gateway.split_shard(&call, split).await.map_err(|error| error.code)
            })
        });
        let asked = asked.await;
        tracing::debug!(?asked, "a reshard was asked for");
    }

    /// The stream once no reshard is under way, as three nodes know it: one that has left knows less.
    pub async fn settled_stream(&self) -> Arc<StreamMap> {
        loop {
            let mut maps = Vec::new();
            for door in &self.doors {
                let map = door.call(ANSWER_PATIENCE, |serving| async move { known(&serving) });
                maps.extend(map.await.ok().flatten());
            }
            let newest = maps.iter().max_by_key(|map| map.stream.version);
            let is_known_to = |map: &StreamMap| {
                let same = |other: &&Arc<StreamMap>| other.stream.version == map.stream.version;
                maps.iter().filter(same).count()
            };
            let settled = newest.filter(|map| map.stream.status == StreamStatus::Active && is_known_to(map) >= 3);
            match settled {
                Some(map) => return Arc::clone(map),
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Tells which shards are open in the end, and names all, closed ones as well.
    pub fn tell_shards(&self, map: &StreamMap) -> Vec<ShardId> {
        self.history.tell(Event::Open { shards: map.open_shards().map(told).collect() });
        map.shards().iter().map(|shard| shard.id).collect()
    }
}

fn told(shard: &Shard) -> OpenShard {
    OpenShard { shard: shard.id.0, start: shard.range.start().0, end: shard.range.end().0 }
}

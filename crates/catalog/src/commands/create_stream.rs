//! Creates a stream with its shards.

use crate::apply::Apply;
use crate::catalog::Catalog;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::limits::{CREATED_SECONDS_MAX, STREAM_SHARDS_MAX};
use crate::placement::place_stream;
use crate::retention::RetentionChanges;
use crate::shard::{Parents, Shard};
use crate::stream::{Stream, StreamLimits, StreamStatus};
use anabranch_types::limits::{RECORD_BYTES_DEFAULT, RETENTION_DEFAULT};
use anabranch_types::{AccountId, HashKeyRange, MapVersion, RequestId, ShardId, StreamName, StreamUid, Timestamp};
use std::num::NonZeroU32;

/// The stream is `Creating` until its groups know its shards; then `ActivateStream`.
///
/// AWS dates a stream two seconds before its shards (Source: kinesalite). Here the stream's
/// creation, the opening of its shards and, unless a deleted stream of the same name used up
/// that second, their create second are all `now`: no client compares them, and a stream that
/// claims to be older than the call that made it would confuse people who do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateStream {
    /// The owner.
    pub account: AccountId,
    /// The new stream's name.
    pub name: StreamName,
    /// How many shards tile the hash key space.
    pub shard_count: NonZeroU32,
    /// The proposer's time.
    pub now: Timestamp,
    /// Open shards that the account may have in all.
    pub shard_limit: u32,
    /// The client's call; repeated, it finds the stream it made (I12).
    pub request: RequestId,
}

fields!(CreateStream { account, name, shard_count, now, shard_limit, request });

/// The stream exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCreated {
    /// The new stream.
    pub uid: StreamUid,
    /// The first map version that has it as it is now.
    pub version: MapVersion,
}

fields!(StreamCreated { uid, version });

/// The stream was not created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateStreamRefused {
    /// There is no cluster yet.
    #[error("the cluster is not bootstrapped")]
    NotBootstrapped,
    /// The name is taken, by a stream that may be on its way out.
    #[error("the stream exists and is {status:?}")]
    Exists {
        /// Where the stream of that name stands.
        status: StreamStatus,
    },
    /// The account would have too many shards.
    #[error("{asked} shards asked for, the account has {current} of {limit}")]
    ShardLimit {
        /// Open shards of the account.
        current: u32,
        /// Open shards it may have.
        limit: u32,
        /// Shards asked for.
        asked: u32,
    },
    /// One stream would have too many shards.
    #[error("{asked} shards asked for, a stream is created with at most {limit}")]
    StreamShardLimit {
        /// Shards asked for.
        asked: u32,
        /// Shards of one new stream.
        limit: u32,
    },
    /// No sequence number can hold the create second: the proposer's clock is centuries off.
    #[error("the create second {created_s} does not fit a sequence number")]
    Time {
        /// The create second.
        created_s: u64,
    },
}

variants!(CreateStreamRefused {
    1 => NotBootstrapped {},
    2 => Exists { status },
    3 => ShardLimit { current, limit, asked },
    4 => StreamShardLimit { asked, limit },
    5 => Time { created_s },
});

impl Command for CreateStream {
    const KIND: CommandKind = CommandKind::CreateStream;
    type Done = StreamCreated;
    type Refused = CreateStreamRefused;
}

impl CreateStream {
    /// The create second of the new shards, when they may be made.
    fn judge(&self, catalog: &Catalog) -> Result<u64, CreateStreamRefused> {
        if catalog.cluster().is_none() {
            return Err(CreateStreamRefused::NotBootstrapped);
        }
        if let Some(stream) = catalog.map.stream_named(self.account, &self.name) {
            return Err(CreateStreamRefused::Exists { status: stream.stream.status });
        }
        let asked = self.shard_count.get();
        if asked > STREAM_SHARDS_MAX {
            return Err(CreateStreamRefused::StreamShardLimit { asked, limit: STREAM_SHARDS_MAX });
        }
        let (current, limit) = (catalog.open_shard_count(self.account), self.shard_limit);
        if current.saturating_add(asked) > limit {
            return Err(CreateStreamRefused::ShardLimit { current, limit, asked });
        }
        let used = catalog.floors.get(&(self.account, self.name.clone()));
        let created_s = used.map_or(0, |floor| floor.created_s.saturating_add(1)).max(self.now.as_secs());
        if created_s > CREATED_SECONDS_MAX {
            return Err(CreateStreamRefused::Time { created_s });
        }
        Ok(created_s)
    }

    /// What the same call answered before, if it created the stream.
    fn answered(&self, catalog: &Catalog) -> Option<StreamCreated> {
        let stream = &catalog.map.stream_named(self.account, &self.name)?.stream;
        let same = stream.request == self.request && stream.status != StreamStatus::Deleting;
        same.then_some(StreamCreated { uid: stream.uid, version: stream.version })
    }
}

impl Apply for CreateStream {
    fn apply(self, edit: &mut Edit<'_>) -> Result<StreamCreated, CreateStreamRefused> {
        if let Some(answer) = self.answered(edit.catalog()) {
            return Ok(answer);
        }
        let created_s = self.judge(edit.catalog())?;
        let groups = place_stream(edit.catalog(), self.shard_count.get());
        let tiles = HashKeyRange::tiles(self.shard_count);
        let shards: Vec<Shard> = (0..)
            .zip(tiles.into_iter().zip(groups))
            .map(|(index, (range, group))| Shard {
                id: ShardId(index),
                range,
                parents: Parents::None,
                group,
                created_s,
                opened: self.now,
                closed: None,
            })
            .collect();
        let (uid, version) = (edit.take_stream_uid(), edit.next_version());
        let stream = Stream {
            uid,
            account: self.account,
            name: self.name,
            created: self.now,
            status: StreamStatus::Creating,
            retention: RETENTION_DEFAULT,
            max_record_bytes: RECORD_BYTES_DEFAULT,
            limits: StreamLimits::AwsDefaults,
            request: self.request,
            next_shard: ShardId(self.shard_count.get()),
            version,
            retention_changes: RetentionChanges::default(),
            record_size_calls: Vec::new(),
        };
        edit.add_stream(stream, shards);
        Ok(StreamCreated { uid, version })
    }
}

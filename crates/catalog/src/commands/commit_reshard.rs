//! Closes the parents of a round and opens its children, at one map version.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::Recorded;
use crate::commands::membership::Gated;
use crate::commands::refusals::refusals;
use crate::commands::seal_parents::round_under_way;
use crate::edit::Edit;
use crate::limits::CREATED_SECONDS_MAX;
use crate::reshard::{Round, RoundStage};
use crate::shard::{Closed, Shard};
use crate::stream::{Stream, StreamMap, StreamStatus};
use anabranch_types::{MapVersion, SequenceNumber, ShardEpoch, ShardId, StreamUid, Timestamp};
use std::collections::BTreeMap;

/// How a parent's group sealed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The shard that was sealed.
    pub epoch: ShardEpoch,
    /// When, by its group: not before any of its records arrived.
    pub closed: Timestamp,
}

fields!(Ending { epoch, closed });

/// Proposed by the reshard controller when every parent is sealed. The stream is active again,
/// unless it is being scaled: then the next round follows, or `FinishScaling`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitReshard {
    /// The stream.
    pub uid: StreamUid,
    /// The round.
    pub round: MapVersion,
    /// Of every parent, in any order.
    pub endings: Vec<Ending>,
    /// The proposer's time.
    pub now: Timestamp,
}

fields!(CommitReshard { uid, round, endings, now });

refusals! {
    /// The parents stay open, as far as the catalog knows.
    CommitReshardRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// The round is committed or aborted, or the stream is being deleted.
        #[error("round {round} is not under way")]
        4 => NotUnderway {
            /// The round asked for.
            round: MapVersion,
        },
        /// Nobody could seal parents yet.
        #[error("round {round} is in preparation")]
        5 => Preparing {
            /// The round asked for.
            round: MapVersion,
        },
        /// A parent may still be open.
        #[error("the ending of {shard} is missing")]
        6 => Missing {
            /// The parent.
            shard: ShardId,
        },
        /// An ending that is no parent's, or comes twice.
        #[error("shard {shard} is not a parent of the round, or ends twice")]
        7 => NotAParent {
            /// The shard that it names.
            shard: ShardId,
        },
        /// No sequence number can hold the moment: a clock is centuries off.
        #[error("the moment {at} does not fit a sequence number")]
        8 => Time {
            /// When the children would open.
            at: Timestamp,
        },
    }
}

impl Command for CommitReshard {
    const KIND: CommandKind = CommandKind::CommitReshard;
    type Done = Recorded;
    type Refused = CommitReshardRefused;
}

impl CommitReshard {
    /// The endings by parent: of each one, and of no other shard.
    fn endings(&self, stream: &StreamMap, round: &Round) -> Result<BTreeMap<ShardId, Ending>, CommitReshardRefused> {
        let parents = round.parents();
        let mut endings = BTreeMap::new();
        for ending in &self.endings {
            let shard = ending.epoch.shard;
            let of_parent = parents.contains(&shard);
            let same = stream.shard(shard).is_some_and(|parent| parent.epoch() == ending.epoch);
            if !of_parent || !same || endings.insert(shard, *ending).is_some() {
                return Err(CommitReshardRefused::NotAParent { shard });
            }
        }
        match parents.into_iter().find(|parent| !endings.contains_key(parent)) {
            Some(shard) => Err(CommitReshardRefused::Missing { shard }),
            None => Ok(endings),
        }
    }

    /// When the children take over: not before any parent was sealed (I4), and in the order of ids,
    /// which is that of the stream's shards.
    fn moment(&self, stream: &StreamMap) -> Timestamp {
        let opened = stream.shards().iter().map(|shard| shard.opened);
        opened.chain(self.endings.iter().map(|ending| ending.closed)).fold(self.now, Timestamp::max)
    }
}

impl Gated for CommitReshard {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, CommitReshardRefused> {
        let (uid, catalog) = (self.uid, edit.catalog());
        let stream = catalog.map.stream(uid).cloned().ok_or(CommitReshardRefused::NoStream { uid })?;
        let round = round_under_way(&stream, self.round);
        let round = round.ok_or(CommitReshardRefused::NotUnderway { round: self.round })?;
        if round.stage == RoundStage::Preparing {
            return Err(CommitReshardRefused::Preparing { round: round.id });
        }
        let endings = self.endings(&stream, round)?;
        let at = self.moment(&stream);
        if at.as_secs() > CREATED_SECONDS_MAX {
            return Err(CommitReshardRefused::Time { at });
        }
        let after = stream.with_shards(shards_after(&stream, round, &endings, at)).with_round(None);
        let status = if stream.scaling().is_some() { StreamStatus::Updating } else { StreamStatus::Active };
        let after = after.with_stream(Stream { status, ..stream.stream.clone() });
        edit.replace_stream(&stream, after);
        Ok(edit.recorded())
    }
}

/// The stream's shards with the round's parents closed and its children open from `at` on.
pub(crate) fn shards_after(
    stream: &StreamMap,
    round: &Round,
    endings: &BTreeMap<ShardId, Ending>,
    at: Timestamp,
) -> Vec<Shard> {
    let close = |shard: &Shard| {
        let ending = endings.get(&shard.id).map(|ending| SequenceNumber::ending(ending.epoch, ending.closed));
        Shard { closed: ending.map(|ending| Closed { ending, at }).or(shard.closed), ..*shard }
    };
    let children = round.children.iter().map(|child| Shard { opened: at, ..*child });
    stream.shards().iter().map(close).chain(children).collect()
}

//! Tick: moves the trim clock and drops the buckets in which everything has expired.
//!
//! ```text
//! kind u8 = 5 | version u8 = 1 | now ms u48
//! ```
//!
//! Nothing else moves the trim clock, so a leader that distrusts its clock stops trimming by
//! not ticking (D5).

use crate::bucket::Keeping;
use crate::codec::{Malformed, Reader, Writer};
use crate::command;
use crate::effects::Effects;
use crate::group_state::GroupState;
use crate::outcome::{Outcome, Refusal};
use anabranch_types::{Counter, Timestamp};
use bytes::Bytes;

/// Tells the group the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The leader's clock.
    pub now: Timestamp,
}

impl Tick {
    /// The command's bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![command::TICK, command::VERSION];
        out.timestamp(self.now);
        out.into()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Tick { now: reader.timestamp("now")? })
    }

    pub(crate) fn apply(self, state: &mut GroupState, log_index: u64, effects: &mut Effects) -> Outcome {
        let Some(policy) = state.policy else {
            return Outcome::Refused(Refusal::NotInitialized);
        };
        state.trim_clock = state.trim_clock.max(self.now);
        let end = Counter::new(state.generation, log_index, 0);
        let keeping = Keeping { policy: &policy, streams: &state.streams };
        state.buckets.close_aged(end, self.now, keeping, effects);
        let horizon = state.trim_clock.minus(keeping.kept_for());
        let dropped = state.buckets.drop_before(horizon, effects);
        if let Some(bucket) = dropped.last() {
            // Storage forgets these records, so a restart would not find them either.
            for shard in state.shards.values_mut() {
                shard.newest = shard.newest.filter(|newest| newest.last >= bucket.end);
            }
        }
        let dropped_buckets = u32::try_from(dropped.len()).expect("buckets are numbered in 32 bits");
        Outcome::Ticked { trim_clock: state.trim_clock, dropped_buckets }
    }
}

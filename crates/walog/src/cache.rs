//! Which entry bodies stay in memory: the newest, within a bound in bytes.

use std::collections::BTreeMap;

use anabranch_types::GroupId;

/// Bodies in the order in which they came. The bodies themselves are in the groups' slots.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    kept: BTreeMap<u64, Kept>,
    bytes: u64,
    next_tick: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub group: GroupId,
    pub index: u64,
    bytes: u64,
}

impl Cache {
    /// Notes a body; the number names it from now on.
    pub(crate) fn insert(&mut self, group: GroupId, index: u64, bytes: u64) -> u64 {
        self.next_tick += 1;
        self.kept.insert(self.next_tick, Kept { group, index, bytes });
        self.bytes += bytes;
        self.next_tick
    }

    /// Forgets a body, if it is still noted.
    pub(crate) fn remove(&mut self, tick: u64) {
        if let Some(kept) = self.kept.remove(&tick) {
            self.bytes -= kept.bytes;
        }
    }

    /// The oldest body, when there are more bytes than `bytes_max`.
    pub(crate) fn surplus(&self, bytes_max: u64) -> Option<(u64, Kept)> {
        if self.bytes <= bytes_max {
            return None;
        }
        self.kept.first_key_value().map(|(tick, kept)| (*tick, *kept))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

//! What is known of one group: its marks and an index of its entries.

use std::collections::VecDeque;

use anabranch_types::GroupId;
use bytes::Bytes;

use crate::entry::{GroupLogState, LogId, Quarantine};
use crate::layout::Place;
use crate::roster::RosterRow;

/// One entry: where it is on disk, and its body as long as it is kept in memory.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub id: LogId,
    pub kind: u8,
    /// Where its frame begins.
    pub place: Place,
    pub body_bytes: u32,
    /// Always there until the frame is durable; later while the cache has room.
    pub body: Option<Bytes>,
    /// Names the slot in the cache.
    pub tick: u64,
}

/// `purged <= base <= last`; `purged == base` except while the log is read back.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Frames written since the group began.
    pub frames: u64,
    pub purged: Option<LogId>,
    /// The entry just before the first slot.
    base: Option<LogId>,
    slots: VecDeque<Slot>,
    pub vote: Option<Bytes>,
    pub committed: Option<LogId>,
    /// The commit mark is newer than what was written of it.
    pub commit_unwritten: bool,
    pub quarantine: Option<Quarantine>,
}

impl Group {
    /// The group as a roster tells of it: without the entries that lie before the roster.
    pub(crate) fn from_row(row: &RosterRow) -> Self {
        Self {
            frames: row.frames,
            purged: row.purged,
            base: row.last,
            vote: row.vote.clone(),
            committed: row.committed,
            ..Self::default()
        }
    }

    pub(crate) fn row(&self, group: GroupId) -> RosterRow {
        RosterRow {
            group,
            quarantined: self.quarantine.is_some(),
            frames: self.frames,
            purged: self.purged,
            last: self.last(),
            committed: self.committed,
            vote: self.vote.clone(),
        }
    }

    pub(crate) fn state(&self) -> GroupLogState {
        GroupLogState { purged: self.purged, last: self.last(), vote: self.vote.clone(), committed: self.committed }
    }

    pub(crate) fn last(&self) -> Option<LogId> {
        self.slots.back().map(|slot| slot.id).or(self.base)
    }

    /// Index of the first entry that is, or would be, left.
    pub(crate) fn first_index(&self) -> u64 {
        self.slots.front().map_or_else(|| self.base.map_or(0, |base| base.index + 1), |slot| slot.id.index)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    pub(crate) fn slot_mut(&mut self, index: u64) -> Option<&mut Slot> {
        let at = index.checked_sub(self.slots.front()?.id.index)?;
        self.slots.get_mut(usize::try_from(at).ok()?)
    }

    pub(crate) fn slot(&self, index: u64) -> Option<&Slot> {
        let at = index.checked_sub(self.slots.front()?.id.index)?;
        self.slots.get(usize::try_from(at).ok()?)
    }

    /// Whether `id` continues `last` without a gap. The very first entry has index 0 or 1.
    pub(crate) fn continues(last: Option<LogId>, id: LogId) -> bool {
        last.map_or(id.index <= 1, |last| id.index == last.index + 1 && id.term >= last.term)
    }

    pub(crate) fn push(&mut self, slot: Slot) {
        assert!(Self::continues(self.last(), slot.id), "entry {} does not continue {:?}", slot.id, self.last());
        self.slots.push_back(slot);
    }

    /// Why entries after `kept` cannot be cut, if so.
    pub(crate) fn refuses_truncation(&self, kept: Option<LogId>) -> Option<String> {
        let below = kept.map(|id| id.index) < self.purged.map(|id| id.index);
        if below || kept < self.purged {
            return Some(format!("truncation to {kept:?} is below the purge mark {:?}", self.purged));
        }
        let kept = kept?;
        match self.slot(kept.index) {
            Some(slot) if slot.id != kept => Some(format!("truncation keeps {kept}, the entry there is {}", slot.id)),
            Some(_) | None => None,
        }
    }

    /// Cuts the entries after `kept` and hands them back.
    pub(crate) fn truncate_after(&mut self, kept: Option<LogId>) -> Vec<Slot> {
        let first_cut = kept.map_or(0, |kept| kept.index + 1);
        if self.last().is_none_or(|last| last.index < first_cut) {
            return Vec::new();
        }
        let keep = self.slots.iter().take_while(|slot| slot.id.index < first_cut).count();
        let cut = self.slots.split_off(keep);
        if self.base.is_some_and(|base| base.index >= first_cut) {
            self.base = kept;
        }
        cut.into()
    }

    /// Drops the entries up to and with `upto`, which may be beyond the last, and hands them back.
    pub(crate) fn purge(&mut self, upto: LogId) -> Vec<Slot> {
        if self.purged.is_some_and(|purged| upto.index <= purged.index) {
            return Vec::new();
        }
        self.purged = Some(upto);
        let gone = self.slots.iter().take_while(|slot| slot.id.index <= upto.index).count();
        let gone: Vec<Slot> = self.slots.drain(..gone).collect();
        if self.base.is_none_or(|base| base.index <= upto.index) {
            self.base = Some(upto);
        }
        gone
    }

    /// The entries that should be there but are not: (first, last) index.
    pub(crate) fn missing(&self) -> Option<(u64, u64)> {
        let base = self.base?;
        let first = self.purged.map_or(0, |purged| purged.index + 1);
        (base.index >= first && Some(base) != self.purged).then_some((first, base.index))
    }

    /// Stops serving the group; its entries no longer count.
    pub(crate) fn quarantine(&mut self, quarantine: Quarantine) {
        self.slots.clear();
        self.quarantine.get_or_insert(quarantine);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(term: u64, index: u64) -> Slot {
        let place = Place { segment: 1, position: 0 };
        Slot { id: LogId { term, index }, kind: 0, place, body_bytes: 0, body: None, tick: 0 }
    }

    fn group_of(indexes: std::ops::Range<u64>) -> Group {
        let mut group = Group::default();
        indexes.for_each(|index| group.push(slot(1, index)));
        group
    }

    #[test]
    #[should_panic(expected = "does not continue")]
    fn a_gap_is_a_broken_promise() {
        group_of(1..4).push(slot(1, 5));
    }

    #[test]
    fn a_purge_beyond_the_last_entry_moves_the_log_there() {
        let mut group = group_of(1..4);
        assert_eq!(group.purge(LogId { term: 2, index: 9 }).len(), 3);
        assert_eq!(group.last(), Some(LogId { term: 2, index: 9 }));
        assert_eq!(group.first_index(), 10);
        group.push(slot(2, 10));
        assert_eq!(group.missing(), None);
    }

    #[test]
    fn truncation_never_goes_below_the_purge_mark() {
        let mut group = group_of(1..6);
        group.purge(LogId { term: 1, index: 3 });
        assert!(group.refuses_truncation(Some(LogId { term: 1, index: 2 })).is_some());
        assert!(group.refuses_truncation(None).is_some());
        assert!(group.refuses_truncation(Some(LogId { term: 9, index: 2 })).is_some(), "a later term is no excuse");
        assert!(group.refuses_truncation(Some(LogId { term: 7, index: 4 })).is_some());
        assert_eq!(group.refuses_truncation(Some(LogId { term: 1, index: 3 })), None);
        assert_eq!(group.truncate_after(Some(LogId { term: 1, index: 3 })).len(), 2);
        assert_eq!(group.last(), group.purged);
    }

    #[test]
    fn entries_before_the_first_roster_are_missing_until_purged_or_cut() {
        let row = RosterRow {
            group: GroupId(1),
            quarantined: false,
            frames: 9,
            purged: None,
            last: Some(LogId { term: 1, index: 8 }),
            committed: None,
            vote: None,
        };
        let mut group = Group::from_row(&row);
        assert_eq!(group.missing(), Some((0, 8)));
        group.push(slot(1, 9));
        group.purge(LogId { term: 1, index: 7 });
        assert_eq!(group.missing(), Some((8, 8)));
        group.purge(LogId { term: 1, index: 8 });
        assert_eq!(group.missing(), None);
        assert_eq!(group.first_index(), 9);
    }
}

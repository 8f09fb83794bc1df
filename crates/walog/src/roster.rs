//! Where every group stands, written first in each segment.
//!
//! It makes a segment independent of all earlier ones: they can go as soon as no entry in them
//! is needed, because votes, commit marks and purge marks are repeated here. It also proves, when
//! the log is read back, that no frame before it was lost.
//! ```text
//! 0 flags u8 (1: an unknown group may have existed)   1 groups u32, then for each:
//!   group u32   flags u8 (1 purged, 2 last, 4 committed, 8 vote, 16 quarantined)   frames u64
//!   purged, last, committed: term u64, index u64 each, zero where there is none
//!   if there is a vote: bytes u32, vote
//! ```

use anabranch_types::GroupId;
use bytes::Bytes;

use crate::entry::LogId;
use crate::layout::{COUNT_MAX, INDEX_MAX};

/// What a roster without rows takes.
pub(crate) const ROSTER_BYTES: u64 = 5;

const UNKNOWN_SUSPECT: u8 = 1;
const PURGED: u8 = 1;
const LAST: u8 = 2;
const COMMITTED: u8 = 4;
const VOTE: u8 = 8;
const QUARANTINED: u8 = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RosterRow {
    pub group: GroupId,
    pub quarantined: bool,
    /// Frames of the group that lie before the roster, counted since the group began.
    pub frames: u64,
    pub purged: Option<LogId>,
    pub last: Option<LogId>,
    pub committed: Option<LogId>,
    pub vote: Option<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roster {
    /// Damage may have swallowed groups that no frame tells of.
    pub unknown_suspect: bool,
    pub rows: Vec<RosterRow>,
}

impl RosterRow {
    /// What [`Roster::encode`] spends on a row with such a vote; nothing else changes its size.
    pub(crate) fn encoded_bytes(vote_bytes: Option<usize>) -> u64 {
        (4 + 1 + 8 + 3 * 16 + vote_bytes.map_or(0, |bytes| 4 + bytes)) as u64
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let flag = |present: bool, bit: u8| if present { bit } else { 0 };
        let flags = flag(self.purged.is_some(), PURGED)
            | flag(self.last.is_some(), LAST)
            | flag(self.committed.is_some(), COMMITTED)
            | flag(self.vote.is_some(), VOTE)
            | flag(self.quarantined, QUARANTINED);
        out.extend_from_slice(&self.group.0.to_le_bytes());
        out.push(flags);
        out.extend_from_slice(&self.frames.to_le_bytes());
        for id in [self.purged, self.last, self.committed] {
            let id = id.unwrap_or(LogId { term: 0, index: 0 });
            out.extend_from_slice(&id.term.to_le_bytes());
            out.extend_from_slice(&id.index.to_le_bytes());
        }
        if let Some(vote) = &self.vote {
            out.extend_from_slice(&(vote.len() as u32).to_le_bytes());
            out.extend_from_slice(vote);
        }
    }

    fn decode(input: &mut Input<'_>) -> Option<Self> {
        let group = GroupId(input.u32()?);
        let flags = input.take(1)?[0];
        let frames = input.u64()?;
        let mut id = |bit: u8| -> Option<Option<LogId>> {
            let id = LogId { term: input.u64()?, index: input.u64()? };
            Some((flags & bit != 0).then_some(id))
        };
        let (purged, last, committed) = (id(PURGED)?, id(LAST)?, id(COMMITTED)?);
        let vote = if flags & VOTE == 0 {
            None
        } else {
            let bytes = input.u32()? as usize;
            Some(Bytes::copy_from_slice(input.take(bytes)?))
        };
        let row = Self { group, quarantined: flags & QUARANTINED != 0, frames, purged, last, committed, vote };
        row.is_possible().then_some(row)
    }

    /// Whether a group can stand so: what follows can be numbered, and what is given up does not lie behind the end.
    fn is_possible(&self) -> bool {
        let marks = [self.purged, self.last, self.committed].into_iter().flatten();
        let purged_to = self.purged.map(|id| id.index);
        let ends_at = self.last.map(|id| id.index);
        self.frames <= COUNT_MAX && marks.map(|id| id.index).all(|index| index <= INDEX_MAX) && purged_to <= ends_at
    }
}

impl Roster {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![if self.unknown_suspect { UNKNOWN_SUSPECT } else { 0 }];
        out.extend_from_slice(&(self.rows.len() as u32).to_le_bytes());
        for row in &self.rows {
            row.encode(&mut out);
        }
        out
    }

    /// `None` when the bytes are no roster.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let unknown_suspect = input.take(1)?[0] & UNKNOWN_SUSPECT != 0;
        let count = input.u32()?;
        let mut rows = Vec::new();
        for _ in 0..count {
            rows.push(RosterRow::decode(&mut input)?);
        }
        input.0.is_empty().then_some(Self { unknown_suspect, rows })
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids() -> impl Strategy<Value = Option<LogId>> {
        proptest::option::of((any::<u64>(), 0..=INDEX_MAX).prop_map(|(term, index)| LogId { term, index }))
    }

    prop_compose! {
        fn rows()(
            group in any::<u32>(), quarantined in any::<bool>(), frames in 0..=COUNT_MAX, marks in (ids(), ids()),
            committed in ids(), vote in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        ) -> RosterRow {
            let vote = vote.map(Bytes::from);
            let (purged, last) = if marks.0.map(|id| id.index) <= marks.1.map(|id| id.index) { marks } else { (marks.1, marks.0) };
            RosterRow { group: GroupId(group), quarantined, frames, purged, last, committed, vote }
        }
    }

    #[test]
    fn a_row_that_no_group_can_have_is_no_roster() {
        let id = |index| Some(LogId { term: 1, index });
        let row = RosterRow {
            group: GroupId(1),
            quarantined: false,
            frames: 9,
            purged: id(3),
            last: id(8),
            committed: id(7),
            vote: None,
        };
        let decoded =
            |row: &RosterRow| Roster::decode(&Roster { unknown_suspect: false, rows: vec![row.clone()] }.encode());
        assert!(decoded(&row).is_some());
        for broken in [
            RosterRow { frames: u64::MAX, ..row.clone() },
            RosterRow { last: id(u64::MAX), ..row.clone() },
            RosterRow { committed: id(u64::MAX), ..row.clone() },
            RosterRow { purged: id(9), ..row.clone() },
            RosterRow { last: None, ..row.clone() },
        ] {
            assert_eq!(decoded(&broken), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn a_roster_reads_back_as_written(rows in proptest::collection::vec(rows(), 0..5), unknown_suspect in any::<bool>()) {
            let roster = Roster { unknown_suspect, rows };
            let bytes = roster.encode();
            let rows: u64 = roster.rows.iter().map(|row| RosterRow::encoded_bytes(row.vote.as_ref().map(Bytes::len))).sum();
            prop_assert_eq!(bytes.len() as u64, ROSTER_BYTES + rows);
            prop_assert_eq!(Roster::decode(&bytes[..bytes.len() - 1]), None);
            prop_assert_eq!(Roster::decode(&bytes), Some(roster));
        }
    }
}

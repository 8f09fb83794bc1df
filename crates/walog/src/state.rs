//! The log in memory: groups, what waits to be written, and which segments are still needed.
//!
//! A request changes the groups and is encoded into the batch that waits, at its final place, in
//! one step under one lock; so the order of requests is the order of frames. Nothing here does I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use anabranch_runtime::fs::File;
use anabranch_types::GroupId;
use bytes::Bytes;

use crate::batch::BATCH_HEADER_BYTES;
use crate::cache::Cache;
use crate::config::Options;
use crate::cursor::{Cursor, Placement, PlacementSizes};
use crate::disk::Fate;
use crate::entry::{Done, Entry, LogId, Quarantine};
use crate::error::LogError;
use crate::frame::{FrameHeader, FrameKind, frame_bytes};
use crate::group::{Group, Slot};
use crate::layout::{Place, SEGMENT_START, Seal};
use crate::roster::{ROSTER_BYTES, Roster, RosterRow};
use crate::segment_header::FileName;
use crate::stats::Counters;

/// Bytes that wait to be written and synced together.
pub(crate) struct Batch {
    pub ordinal: u64,
    pub place: Place,
    /// Room for the header, then frames.
    pub buffer: Vec<u8>,
    pub frames: u32,
    pub completions: Vec<Completion>,
}

/// What happens when the batch with a request's last frame is durable.
pub(crate) struct Completion {
    pub done: Option<Done>,
    /// Segments, and how many entries in each are no longer needed.
    pub released: BTreeMap<u64, u64>,
}

pub(crate) struct Segment {
    /// There once the segment exists on disk.
    pub file: Option<Arc<dyn File>>,
    pub bytes: u64,
    /// Entries in it that are durably needed.
    pub live: u64,
    /// Damaged, or holds frames of a quarantined group: it is set aside, never reused.
    pub keep: bool,
    /// Its roster is damaged: it can be read only together with the segment before it.
    pub rosterless: bool,
}

pub(crate) struct State {
    pub groups: BTreeMap<GroupId, Group>,
    /// Set when groups may have existed that no frame tells of any more.
    pub unknown: Option<Quarantine>,
    pub segments: BTreeMap<u64, Segment>,
    /// Number of the newest segment, on disk or still to be made.
    pub head: u64,
    pub cursor: Cursor,
    pub pending: VecDeque<Batch>,
    /// Bytes in `pending` and in what is being written.
    pub queued_bytes: u64,
    pub next_batch: u64,
    /// End of the last batch that is durable.
    pub durable: Place,
    /// The newest segment whose roster is durable and proven so by a durable batch behind it. Only
    /// segments before it are recycled: else damage to that roster could pass for a torn write
    /// and take with it what the recycled segments said.
    pub proven_segment: u64,
    /// Segments, and how many entries in each the last durable batch gave up. They count until a
    /// later batch proves it: else damage to it could pass for a torn write and take the purge, and
    /// the entries would be neither there nor given up.
    pub released_unproven: BTreeMap<u64, u64>,
    pub spares_ready: usize,
    /// The disk is short of room: nothing beyond the reserve is kept for reuse.
    pub short_of_room: bool,
    /// Why no further segment can be prepared, while that is so.
    pub full: Option<String>,
    pub poisoned: Option<String>,
    pub closing: bool,
    pub closed: bool,
    /// The last batch holds more than a witness.
    pub witness_due: bool,
    pub cache: Cache,
    pub counters: Counters,
    pub salt: u64,
    pub buffers: Vec<Vec<u8>>,
    pub options: Arc<Options>,
}

impl State {
    pub(crate) fn seal(&self, segment: u64) -> Seal {
        seal(&self.options, self.salt, segment)
    }

    /// The group, made if it is new.
    pub(crate) fn group_mut(&mut self, id: GroupId) -> Result<&mut Group, LogError> {
        if let (Some(unknown), false) = (&self.unknown, self.groups.contains_key(&id)) {
            return Err(LogError::Quarantined(Box::new(unknown.clone())));
        }
        let group = self.groups.entry(id).or_default();
        match &group.quarantine {
            Some(quarantine) => Err(LogError::Quarantined(Box::new(quarantine.clone()))),
            None => Ok(group),
        }
    }

    pub(crate) fn placement_sizes(&self) -> PlacementSizes {
        let rows = self.groups.values().map(|group| RosterRow::encoded_bytes(group.vote.as_ref().map(Bytes::len)));
        PlacementSizes {
            segment_bytes: self.options.segment_bytes,
            batch_bytes_max: self.options.batch_bytes_max,
            roster_bytes: frame_bytes(ROSTER_BYTES + rows.sum::<u64>()),
        }
    }

    /// How many new segments frames with such bodies need.
    pub(crate) fn rolls_for(&self, body_bytes: impl Iterator<Item = u64>) -> usize {
        let (mut cursor, sizes) = (self.cursor, self.placement_sizes());
        body_bytes.filter(|bytes| cursor.place(frame_bytes(*bytes), sizes) == Placement::NewSegment).count()
    }

    /// Encodes one frame of `group` behind all others.
    fn put(&mut self, group: GroupId, kind: FrameKind, id: LogId, body: &[u8]) -> Place {
        match self.cursor.place(frame_bytes(body.len() as u64), self.placement_sizes()) {
            Placement::SameBatch => {}
            Placement::NewBatch => self.begin_batch(),
            Placement::NewSegment => {
                self.head += 1;
                let segment =
                    Segment { file: None, bytes: self.options.segment_bytes, live: 0, keep: false, rosterless: false };
                self.segments.insert(self.head, segment);
                self.spares_ready = self.spares_ready.checked_sub(1).expect("a roll is admitted only with a spare");
                self.begin_batch();
            }
        }
        let ordinal = match kind {
            FrameKind::Roster | FrameKind::Witness => 0,
            _ => {
                let group = self.groups.get_mut(&group).expect("frames are written of groups that exist");
                group.frames += 1;
                group.frames
            }
        };
        let header = FrameHeader { group, kind, ordinal, id, body_bytes: body.len() as u32 };
        let place = self.append_frame(&header, body);
        let encoded = self.pending.back().map_or(0, |batch| batch.buffer.len() as u64);
        assert_eq!(encoded, self.cursor.batch_bytes, "what is encoded is what was placed");
        place
    }

    fn append_frame(&mut self, header: &FrameHeader, body: &[u8]) -> Place {
        let (segment, start, seal) = (self.head, self.cursor.batch_start, self.seal(self.head));
        let batch = self.pending.back_mut().expect("a placed frame has an open batch");
        let position = start + batch.buffer.len() as u64;
        let before = batch.buffer.len();
        header.append_to(&mut batch.buffer, body, seal, position);
        batch.frames += 1;
        self.queued_bytes += (batch.buffer.len() - before) as u64;
        Place { segment, position }
    }

    fn begin_batch(&mut self) {
        let mut buffer = self.buffers.pop().unwrap_or_default();
        buffer.clear();
        buffer.resize(BATCH_HEADER_BYTES as usize, 0);
        self.queued_bytes += BATCH_HEADER_BYTES;
        let place = Place { segment: self.head, position: self.cursor.batch_start };
        let ordinal = self.next_batch;
        self.pending.push_back(Batch { ordinal, place, buffer, frames: 0, completions: Vec::new() });
        self.next_batch += 1;
        if self.cursor.batch_start == SEGMENT_START {
            let rows = self.groups.iter().map(|(id, group)| group.row(*id)).collect();
            let body = Roster { unknown_suspect: self.unknown.is_some(), rows }.encode();
            let id = LogId { term: 0, index: 0 };
            let kind = FrameKind::Roster;
            let header = FrameHeader { group: GroupId(0), kind, ordinal: 0, id, body_bytes: body.len() as u32 };
            self.append_frame(&header, &body);
        }
    }

    fn complete_with(&mut self, done: Option<Done>, released: &[Slot]) {
        let mut counts = BTreeMap::new();
        for slot in released {
            *counts.entry(slot.place.segment).or_insert(0) += 1;
            self.cache.remove(slot.tick);
        }
        let batch = self.pending.back_mut().expect("the request's last frame has an open batch");
        batch.completions.push(Completion { done, released: counts });
        self.witness_due = true;
    }

    /// Takes entries that continue the group's log.
    pub(crate) fn append(&mut self, group: GroupId, entries: Vec<Entry>, done: Done) {
        for entry in entries {
            let (id, kind, body_bytes) = (entry.id, entry.kind, entry.body.len() as u32);
            let place = self.put(group, FrameKind::Entry(kind), id, &entry.body);
            self.segments.get_mut(&place.segment).expect("frames lie in known segments").live += 1;
            let tick = self.cache.insert(group, id.index, u64::from(body_bytes));
            let slot = Slot { id, kind, place, body_bytes, body: Some(entry.body), tick };
            self.groups.get_mut(&group).expect("admitted").push(slot);
            self.counters.entries += 1;
        }
        self.complete_with(Some(done), &[]);
        self.evict();
    }

    pub(crate) fn truncate_after(&mut self, group: GroupId, kept: Option<LogId>, done: Done) {
        let state = self.groups.get_mut(&group).expect("admitted");
        let refusal = state.refuses_truncation(kept);
        assert!(refusal.is_none(), "group {group}: {}", refusal.unwrap_or_default());
        let kind = FrameKind::Truncate { keeps_some: kept.is_some() };
        self.put(group, kind, kept.unwrap_or(LogId { term: 0, index: 0 }), &[]);
        let cut = self.groups.get_mut(&group).expect("admitted").truncate_after(kept);
        self.complete_with(Some(done), &cut);
    }

    pub(crate) fn purge(&mut self, group: GroupId, upto: LogId, done: Done) {
        self.put(group, FrameKind::Purge, upto, &[]);
        let gone = self.groups.get_mut(&group).expect("admitted").purge(upto);
        self.complete_with(Some(done), &gone);
    }

    pub(crate) fn save_vote(&mut self, group: GroupId, vote: Bytes, done: Done) {
        self.put(group, FrameKind::Vote, LogId { term: 0, index: 0 }, &vote);
        self.groups.get_mut(&group).expect("admitted").vote = Some(vote);
        self.complete_with(Some(done), &[]);
    }

    /// Forgets the group, also a quarantined or unknown one; it may begin anew.
    pub(crate) fn remove(&mut self, group: GroupId, done: Done) {
        self.groups.entry(group).or_default();
        self.put(group, FrameKind::Remove, LogId { term: 0, index: 0 }, &[]);
        let removed = self.groups.insert(group, Group::default()).expect("it was there a moment ago");
        let slots: Vec<Slot> = removed.slots().cloned().collect();
        self.complete_with(Some(done), &slots);
        if self.unknown.is_none() {
            self.groups.remove(&group);
        }
    }

    /// Answers when everything before is durable.
    pub(crate) fn barrier(&mut self, done: Done) {
        self.witness();
        self.complete_with(Some(done), &[]);
    }

    /// Writes nothing of note; its batch proves that the one before was synced.
    pub(crate) fn witness(&mut self) {
        self.put(GroupId(0), FrameKind::Witness, LogId { term: 0, index: 0 }, &[]);
        self.witness_due = false;
    }

    /// The witness that is due, when the log is closed: without it the last batch would have no
    /// proof for as long as the process is away. False when there is none to write, or no room.
    pub(crate) fn last_witness(&mut self) -> bool {
        let writes = self.witness_due && self.witness_fits();
        if writes {
            self.witness();
        }
        writes
    }

    /// Whether a witness finds room without a segment that is still to be prepared.
    pub(crate) fn witness_fits(&self) -> bool {
        self.rolls_for(std::iter::once(0)) <= self.spares_ready
    }

    /// Everything that waits, with the commit marks that ride along.
    pub(crate) fn take_pending(&mut self) -> VecDeque<Batch> {
        if self.pending.is_empty() {
            return VecDeque::new();
        }
        self.put_commit_marks();
        self.cursor.close_batch();
        std::mem::take(&mut self.pending)
    }

    fn put_commit_marks(&mut self) {
        let unwritten: Vec<(GroupId, Option<LogId>)> =
            self.groups.iter().filter(|(_, group)| group.commit_unwritten).map(|(id, g)| (*id, g.committed)).collect();
        for (group, committed) in unwritten {
            let Some(committed) = committed else { continue };
            if self.rolls_for(std::iter::once(0)) > 0 {
                return; // They ride with the roster of the next segment.
            }
            self.put(group, FrameKind::Commit, committed, &[]);
            self.groups.get_mut(&group).expect("it is in the list").commit_unwritten = false;
        }
    }

    /// Drops bodies beyond the cache's bound; one that is not durable yet stays.
    pub(crate) fn evict(&mut self) {
        while let Some((tick, kept)) = self.cache.surplus(self.options.cache_bytes) {
            if let Some(slot) = self.groups.get_mut(&kept.group).and_then(|group| group.slot_mut(kept.index)) {
                if slot.place >= self.durable {
                    return;
                }
                if slot.tick == tick {
                    slot.body = None;
                }
            }
            self.cache.remove(tick);
        }
    }

    /// The oldest segment and its bytes, when nothing in it is needed any more, nor in those behind
    /// it that cannot be read without it.
    pub(crate) fn take_unneeded_segment(&mut self) -> Option<(u64, u64, Fate)> {
        let needed = |(number, segment): (&u64, &Segment)| segment.live > 0 || *number >= self.proven_segment;
        let (number, segment) = self.segments.first_key_value()?;
        let mut leaning = self.segments.range(number + 1..).take_while(|(_, segment)| segment.rosterless);
        if needed((number, segment)) || leaning.any(needed) {
            return None;
        }
        let wanted = self.spares_ready < self.options.spares_wanted() || !self.short_of_room;
        let reuse = wanted && self.disk_bytes() <= self.options.quota_bytes;
        let fate = match (segment.keep, reuse) {
            (true, _) => Fate::SetAside,
            (false, false) => Fate::Remove,
            (false, true) => Fate::Reuse,
        };
        let (number, segment) = self.segments.pop_first()?;
        Some((number, segment.bytes, fate))
    }

    /// Whether a spare beyond the reserve is to be given back.
    pub(crate) fn has_surplus_spare(&self) -> bool {
        self.short_of_room && self.spares_ready > self.options.spares_wanted()
    }

    /// Takes a surplus spare off the account; its file is to be removed.
    pub(crate) fn take_surplus_spare(&mut self) -> bool {
        let surplus = self.has_surplus_spare();
        self.spares_ready -= usize::from(surplus);
        surplus
    }

    /// Bytes of all segments and spares.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let spares = self.spares_ready as u64 * self.options.segment_bytes;
        self.segments.values().map(|segment| segment.bytes).sum::<u64>() + spares
    }

    pub(crate) fn file_name(segment: u64) -> String {
        FileName::Segment(segment).to_string()
    }
}

/// The checksum maker of a segment.
pub(crate) fn seal(options: &Options, salt: u64, segment: u64) -> Seal {
    #[cfg(feature = "planted-bugs")]
    if options.planted == Some(crate::planted::Bug::AcceptRecycledFrames) {
        return Seal::new(salt, 0);
    }
    let _ = options;
    Seal::new(salt, segment)
}

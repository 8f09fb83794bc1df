//! Applies the frames of a log that is read back, and decides which groups cannot be trusted.
//!
//! Every frame of a group carries the group's own ordinal, and every roster repeats it. So after
//! an unreadable place each group is in doubt until a later frame or roster shows that none of
//! its frames is missing; a group that nothing clears is quarantined.

use std::collections::{BTreeMap, BTreeSet};

use anabranch_types::GroupId;
use bytes::Bytes;

use crate::entry::Quarantine;
use crate::frame::{FrameHeader, FrameKind};
use crate::group::{Group, Slot};
use crate::layout::Place;
use crate::roster::{Roster, RosterRow};
use crate::state::State;

#[derive(Default)]
struct Read {
    group: Group,
    doubt: Option<Quarantine>,
    /// Segments with frames of the group.
    segments: BTreeSet<u64>,
}

#[derive(Default)]
pub(crate) struct Replay {
    groups: BTreeMap<GroupId, Read>,
    unknown: Option<Quarantine>,
    /// A roster was read: groups that it does not name did not exist before it.
    rostered: bool,
    /// Groups whose first frames lie before what was read, as long as no roster was: the roster that
    /// said where they stand is damaged. Their frames are passed over until the next one says it.
    headless: BTreeMap<GroupId, Headless>,
}

struct Headless {
    finding: Quarantine,
    segments: BTreeSet<u64>,
}

/// What the frames came to.
pub(crate) struct Replayed {
    pub groups: BTreeMap<GroupId, Group>,
    pub unknown: Option<Quarantine>,
    /// Segments with frames of quarantined groups.
    pub kept: BTreeSet<u64>,
}

fn finding(group: Option<GroupId>, place: Place, reason: impl Into<String>) -> Quarantine {
    Quarantine { group, file: State::file_name(place.segment), position: place.position, reason: reason.into() }
}

impl Read {
    fn condemn(&mut self, id: GroupId, place: Place, reason: impl Into<String>) {
        self.group.quarantine(finding(Some(id), place, reason));
        self.doubt = None;
    }
}

impl Replay {
    /// One frame that passed its checksums.
    pub(crate) fn frame(&mut self, header: &FrameHeader, body: &[u8], place: Place) {
        match header.kind {
            FrameKind::Witness => {}
            FrameKind::Roster => match Roster::decode(body) {
                Some(roster) => self.roster(&roster, place),
                None => self.unattributed(place, "a roster does not decode"),
            },
            FrameKind::Remove => {
                self.headless.remove(&header.group);
                self.groups.insert(header.group, Read::default());
            }
            FrameKind::Entry(_)
            | FrameKind::Truncate { .. }
            | FrameKind::Purge
            | FrameKind::Vote
            | FrameKind::Commit => self.group_frame(header, body, place),
        }
    }

    fn group_frame(&mut self, header: &FrameHeader, body: &[u8], place: Place) {
        let id = header.group;
        if !self.rostered && !self.groups.contains_key(&id) && header.ordinal != 1 {
            let reason = || format!("frame {} of the group is the first behind a damaged roster", header.ordinal);
            let headless = || Headless { finding: finding(Some(id), place, reason()), segments: BTreeSet::new() };
            self.headless.entry(id).or_insert_with(headless).segments.insert(place.segment);
            return;
        }
        let read = self.groups.entry(id).or_default();
        read.segments.insert(place.segment);
        if read.group.quarantine.is_some() {
            return;
        }
        if header.ordinal != read.group.frames + 1 {
            let reason = format!("frame {} of the group follows frame {}", header.ordinal, read.group.frames);
            return read.condemn(id, place, reason);
        }
        read.group.frames = header.ordinal;
        read.doubt = None;
        if let Err(reason) = apply(&mut read.group, header, body, place) {
            read.condemn(id, place, reason);
        }
    }

    fn roster(&mut self, roster: &Roster, place: Place) {
        for (id, read) in &mut self.groups {
            let named = roster.rows.iter().any(|row| row.group == *id);
            if !named && read.group.frames > 0 && read.group.quarantine.is_none() {
                read.condemn(*id, place, "the group was gone here, frames are missing");
            }
        }
        for row in &roster.rows {
            self.roster_row(row, place);
        }
        self.headless.retain(|id, _| roster.rows.iter().any(|row| row.group == *id));
        self.unknown = roster.unknown_suspect.then(|| finding(None, place, "damage was found earlier"));
        self.rostered = true;
    }

    fn roster_row(&mut self, row: &RosterRow, place: Place) {
        let rostered = self.rostered;
        let known = self.groups.contains_key(&row.group);
        let read = self.groups.entry(row.group).or_default();
        if !known && !rostered {
            read.group = Group::from_row(row);
            if let Some(headless) = self.headless.get(&row.group) {
                read.segments.clone_from(&headless.segments);
            }
        }
        if read.group.quarantine.is_some() {
            return;
        }
        if row.quarantined {
            return read.condemn(row.group, place, "the group was quarantined earlier");
        }
        let now = read.group.row(row.group);
        if (now.frames, now.purged, now.last, &now.vote) != (row.frames, row.purged, row.last, &row.vote) {
            let reason = format!("{} frames of the group were read, {} were written", now.frames, row.frames);
            return read.condemn(row.group, place, reason);
        }
        read.group.committed = read.group.committed.max(row.committed);
        read.doubt = None;
    }

    /// A frame whose header is sound and whose body is not.
    pub(crate) fn damaged_body(&mut self, header: &FrameHeader, place: Place) {
        let reason = "the checksum of a frame does not match";
        match header.kind {
            FrameKind::Roster | FrameKind::Witness => self.unattributed(place, reason),
            _ => {
                let read = self.groups.entry(header.group).or_default();
                read.segments.insert(place.segment);
                read.condemn(header.group, place, reason);
            }
        }
    }

    /// Bytes that may have held frames of any group.
    pub(crate) fn unattributed(&mut self, place: Place, reason: &str) {
        for (id, read) in &mut self.groups {
            read.doubt.get_or_insert_with(|| finding(Some(*id), place, reason));
        }
        self.unknown.get_or_insert_with(|| finding(None, place, reason));
    }

    /// The verdict, once everything is read; `end` is where the log ends.
    pub(crate) fn finish(mut self, end: Place) -> Replayed {
        let mut kept = BTreeSet::new();
        for (id, headless) in &self.headless {
            // If a roster told where the group stands, only entries before it can be missing.
            let read = self.groups.entry(*id).or_default();
            if !self.rostered || read.group.missing().is_some() {
                read.group.quarantine(headless.finding.clone());
            }
            read.segments.extend(&headless.segments);
        }
        for (id, read) in &mut self.groups {
            if let Some(doubt) = read.doubt.take() {
                read.group.quarantine(doubt);
            }
            if let (Some((first, last)), None) = (read.group.missing(), &read.group.quarantine) {
                read.condemn(*id, end, format!("entries {first} to {last} are in no segment"));
            }
            if read.group.quarantine.is_some() {
                kept.extend(&read.segments);
            }
        }
        let unknown = self.unknown;
        let groups = self.groups.into_iter().map(|(id, read)| (id, read.group));
        // A removed group needs no row, unless its absence would make it suspect.
        let groups = groups.filter(|(_, group)| unknown.is_some() || group.frames > 0 || group.quarantine.is_some());
        Replayed { groups: groups.collect(), unknown, kept }
    }
}

fn apply(group: &mut Group, header: &FrameHeader, body: &[u8], place: Place) -> Result<(), String> {
    let id = header.id;
    match header.kind {
        FrameKind::Entry(kind) => {
            if !Group::continues(group.last(), id) {
                return Err(format!("entry {id} does not continue {:?}", group.last()));
            }
            group.push(Slot { id, kind, place, body_bytes: header.body_bytes, body: None, tick: 0 });
        }
        FrameKind::Truncate { keeps_some } => {
            let kept = keeps_some.then_some(id);
            if let Some(refusal) = group.refuses_truncation(kept) {
                return Err(refusal);
            }
            group.truncate_after(kept);
        }
        FrameKind::Purge => {
            group.purge(id);
        }
        FrameKind::Vote => group.vote = Some(Bytes::copy_from_slice(body)),
        FrameKind::Commit => group.committed = group.committed.max(Some(id)),
        FrameKind::Remove | FrameKind::Roster | FrameKind::Witness => {}
    }
    Ok(())
}

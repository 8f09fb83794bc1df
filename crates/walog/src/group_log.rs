//! One group's part of the shared log.

use std::ops::Range;
use std::sync::Arc;

use anabranch_runtime::fs::File;
use anabranch_types::GroupId;
use bytes::Bytes;

use crate::entry::{Done, Entry, GroupLogState, LogId, Quarantine};
use crate::error::LogError;
use crate::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use crate::group::{Group, Slot};
use crate::shared::{Class, Shared};
use crate::state::State;

/// Largest vote in bytes. Votes are repeated in each segment.
pub const VOTE_BYTES_MAX: u64 = 4096;

/// A cheap handle to one group of a [`crate::Walog`].
///
/// Requests of a group become durable, and are answered, in the order in which they are made.
#[derive(Clone)]
pub struct GroupLog {
    pub(crate) shared: Arc<Shared>,
    pub(crate) group: GroupId,
}

/// An entry that was found in memory, or where it is on disk.
enum Found {
    InMemory(Entry),
    OnDisk { slot: Slot, file: Option<Arc<dyn File>> },
}

impl GroupLog {
    /// Which group this is.
    #[must_use]
    pub fn id(&self) -> GroupId {
        self.group
    }

    /// Why the group must not be used, if so: every request but [`GroupLog::remove`] is refused.
    /// Ask before [`GroupLog::state`]: what that says of a quarantined group is not to be trusted.
    #[must_use]
    pub fn quarantine(&self) -> Option<Quarantine> {
        let state = self.shared.state.lock();
        match state.groups.get(&self.group) {
            Some(group) => group.quarantine.clone(),
            None => state.unknown.clone(),
        }
    }

    /// Where the group's log stands, with what is not durable yet.
    #[must_use]
    pub fn state(&self) -> GroupLogState {
        self.shared.state.lock().groups.get(&self.group).map_or_else(GroupLogState::default, Group::state)
    }

    /// Takes entries; they can be read when this returns and are durable when `done` hears `Ok`.
    /// Blocks while more than [`crate::Options::queue_bytes_max`] wait, and in the rare case that
    /// a segment must be prepared first.
    ///
    /// `done` hears [`LogError::Full`], with nothing changed, when there is no room: try again.
    ///
    /// # Panics
    /// When the entries do not continue the group's log: index by one, term not falling.
    pub fn append(&self, entries: Vec<Entry>, done: Done) {
        self.append_as(Class::Entries, entries, done);
    }

    /// As [`GroupLog::append`], and may enter the reserved segments: for owners that ask
    /// [`GroupLog::check_room`] before they make new entries, so that what is under way, and the
    /// few entries that free space, still find room on a full disk.
    ///
    /// # Panics
    /// As [`GroupLog::append`].
    pub fn append_reserved(&self, entries: Vec<Entry>, done: Done) {
        self.append_as(Class::Reserved, entries, done);
    }

    /// Whether [`GroupLog::append_reserved`] of entries with such bodies would block: for room in the
    /// queue, or because a segment has to be prepared or may turn out not to fit the disk. An async
    /// caller then makes the call on a thread that may block.
    ///
    /// Cheap, and only as good as the moment: whoever appends in between may change the answer, so an
    /// append may block after `false`, or not after `true`.
    #[must_use]
    pub fn would_wait(&self, body_bytes: impl Iterator<Item = u64>) -> bool {
        self.shared.would_wait(Class::Reserved, body_bytes)
    }

    /// Whether new entries should be made now.
    ///
    /// # Errors
    /// [`LogError::Full`] from the moment on at which no further segment can be prepared: what is
    /// left of the newest one and the reserve are for entries under way. `Poisoned` and `Closed`.
    pub fn check_room(&self) -> Result<(), LogError> {
        let state = self.shared.state.lock();
        state.usable()?;
        state.full.clone().map_or(Ok(()), |reason| Err(LogError::Full(reason)))
    }

    /// Whether so much of the log is kept that owners should give up what they keep for others' sake
    /// only: more than half of [`crate::Options::quota_bytes`], over all groups, or the log is full.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        let state = self.shared.state.lock();
        state.full.is_some() || state.kept_bytes() > state.options.quota_bytes / 2
    }

    /// Whether so much of the log is kept that owners should give up what spares others a little work:
    /// more than [`crate::Options::long_bytes`] over all groups, or it is crowded.
    #[must_use]
    pub fn is_long(&self) -> bool {
        let long_bytes = self.shared.options.long_bytes;
        self.is_crowded() || self.shared.state.lock().kept_bytes() > long_bytes
    }

    fn append_as(&self, class: Class, entries: Vec<Entry>, done: Done) {
        if entries.is_empty() {
            return self.admitted(Class::Control, &[0], done, State::barrier);
        }
        let sizes: Vec<u64> = entries.iter().map(|entry| entry.body.len() as u64).collect();
        if let Err(error) = self.shared.check_size(&sizes) {
            return done(Err(error));
        }
        self.admitted(class, &sizes, done, |state, done| {
            let mut last = state.groups.get(&self.group).and_then(Group::last);
            for entry in &entries {
                let (group, id) = (self.group, entry.id);
                assert!(Group::continues(last, id), "group {group}: entry {id} does not continue {last:?}");
                last = Some(id);
            }
            state.append(self.group, entries, done);
        });
    }

    /// Makes the entries after `last_kept` void; without it, all of them.
    ///
    /// # Panics
    /// When `last_kept` is below the purge mark, or names an entry that is not in the log.
    pub fn truncate_after(&self, last_kept: Option<LogId>, done: Done) {
        self.admitted(Class::Control, &[0], done, |state, done| state.truncate_after(self.group, last_kept, done));
    }

    /// Gives up the entries up to and with `upto`. Beyond the last entry, the log goes on after `upto`.
    /// A mark that is not newer than the last one changes nothing.
    pub fn purge(&self, upto: LogId, done: Done) {
        self.admitted(Class::Control, &[0], done, |state, done| state.purge(self.group, upto, done));
    }

    /// Replaces the group's vote; at most [`VOTE_BYTES_MAX`] bytes.
    pub fn save_vote(&self, vote: Bytes, done: Done) {
        let bytes = vote.len() as u64;
        if bytes > VOTE_BYTES_MAX {
            return done(Err(LogError::TooLarge { bytes, bytes_max: VOTE_BYTES_MAX }));
        }
        self.admitted(Class::Control, &[bytes], done, |state, done| state.save_vote(self.group, vote, done));
    }

    /// Notes how far the group has committed. Rides with the next batch and causes none, so it may
    /// be lost in a crash: what is read back is this mark or an older one.
    pub fn save_committed(&self, id: LogId) {
        let mut state = self.shared.state.lock();
        if let Ok(group) = state.group_mut(self.group)
            && group.committed < Some(id)
        {
            group.committed = Some(id);
            group.commit_unwritten = true;
        }
    }

    /// Forgets the group with all its marks, also when it is quarantined: call it when the replica
    /// has been replaced. The group's number may then begin anew. Quarantined files stay.
    pub fn remove(&self, done: Done) {
        let admitted = self.shared.admit(Class::Control, &[0], |state| {
            state.groups.entry(self.group).or_default();
            Ok(())
        });
        match admitted {
            Ok(mut state) => {
                state.remove(self.group, done);
                self.shared.work.notify_one();
            }
            Err(error) => done(Err(error)),
        }
    }

    fn admitted(&self, class: Class, sizes: &[u64], done: Done, then: impl FnOnce(&mut State, Done)) {
        match self.shared.admit(class, sizes, |state| state.group_mut(self.group).map(|_| ())) {
            Ok(mut state) => {
                then(&mut state, done);
                self.shared.work.notify_one();
            }
            Err(error) => done(Err(error)),
        }
    }

    /// Entries of `indexes` in order, as many as fit `bytes_max` bytes of bodies but at least one
    /// if there is one. Beyond the last entry there is nothing, which is no error.
    ///
    /// # Errors
    /// [`LogError::Purged`] when the range begins before the first entry; [`LogError::Damaged`]
    /// when the disk does not hold what was written; `Quarantined`, `Poisoned`, `Unreadable`.
    pub fn read(&self, indexes: Range<u64>, bytes_max: u64) -> Result<Vec<Entry>, LogError> {
        let found = self.find(indexes, bytes_max)?;
        let mut entries = Vec::with_capacity(found.len());
        for found in found {
            match found {
                Found::InMemory(entry) => entries.push(entry),
                Found::OnDisk { slot, file } => entries.push(self.read_slot(&slot, file)?),
            }
        }
        Ok(entries)
    }

    fn find(&self, indexes: Range<u64>, bytes_max: u64) -> Result<Vec<Found>, LogError> {
        let mut state = self.shared.state.lock();
        if let Some(reason) = &state.poisoned {
            return Err(LogError::Poisoned(reason.clone()));
        }
        let (mut found, mut bytes, mut disk_reads) = (Vec::new(), 0, 0);
        let group = state.group_mut(self.group)?;
        let first = group.first_index();
        if indexes.start < first && !indexes.is_empty() && group.last().is_some() {
            return Err(LogError::Purged { index: indexes.start, first });
        }
        for index in indexes {
            let Some(slot) = state.groups.get(&self.group).and_then(|group| group.slot(index)) else { break };
            bytes += u64::from(slot.body_bytes);
            if bytes > bytes_max && !found.is_empty() {
                break;
            }
            found.push(match &slot.body {
                Some(body) => Found::InMemory(Entry { id: slot.id, kind: slot.kind, body: body.clone() }),
                None => {
                    disk_reads += 1;
                    let file = state.segments.get(&slot.place.segment).and_then(|segment| segment.file.clone());
                    Found::OnDisk { slot: slot.clone(), file }
                }
            });
        }
        state.counters.disk_reads += disk_reads;
        Ok(found)
    }

    fn read_slot(&self, slot: &Slot, file: Option<Arc<dyn File>>) -> Result<Entry, LogError> {
        let (position, name) = (slot.place.position, State::file_name(slot.place.segment));
        let damaged = |reason: &str| LogError::Damaged { file: name.clone(), position, reason: reason.to_owned() };
        let file = file.ok_or_else(|| damaged("the segment is not there"))?;
        let mut raw = vec![0u8; FRAME_HEADER_BYTES as usize + slot.body_bytes as usize];
        if let Err(error) = file.read_at(position, &mut raw) {
            return Err(LogError::Unreadable { file: name, position, reason: error.to_string() });
        }
        let seal = self.shared.state.lock().seal(slot.place.segment);
        let header = FrameHeader::read(&raw, seal, position).filter(|header| {
            let expected = (self.group, FrameKind::Entry(slot.kind), slot.id, slot.body_bytes);
            (header.group, header.kind, header.id, header.body_bytes) == expected
        });
        match header.map(|header| header.body(&raw, seal, position).is_some()) {
            Some(true) => {
                let body = Bytes::from(raw).slice(FRAME_HEADER_BYTES as usize..);
                Ok(Entry { id: slot.id, kind: slot.kind, body })
            }
            Some(false) => Err(self.purged_or(slot, damaged("the checksum of the entry does not match"))),
            None => Err(self.purged_or(slot, damaged("there is no frame of this entry"))),
        }
    }

    /// The segment may have been recycled while it was read, which is no damage.
    fn purged_or(&self, slot: &Slot, damaged: LogError) -> LogError {
        let state = self.shared.state.lock();
        let group = state.groups.get(&self.group);
        match group.and_then(|group| group.slot(slot.id.index)) {
            Some(now) if now.place == slot.place => damaged,
            Some(_) | None => LogError::Purged { index: slot.id.index, first: group.map_or(0, Group::first_index) },
        }
    }
}

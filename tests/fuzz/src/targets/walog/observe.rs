//! What a log that was opened says of itself.

use super::{DIR, options};
use crate::disk::MemoryFs;
use anabranch_types::GroupId;
use anabranch_walog::{Driver, Entry, LogError, LogId, OpenError, Step, Walog};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// One group, as far as it is served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Served {
    pub purged: Option<(u64, u64)>,
    pub last: Option<(u64, u64)>,
    pub vote: Option<Vec<u8>>,
    /// Term, index, kind and body.
    pub entries: Vec<(u64, u64, u8, Vec<u8>)>,
}

/// A whole log.
#[derive(Debug, PartialEq, Eq)]
pub struct Observed {
    /// None where the group is quarantined.
    pub groups: BTreeMap<u32, Option<Served>>,
    /// Groups that the log does not know are quarantined.
    pub unknown: bool,
}

impl Observed {
    /// What the log makes of `group`.
    pub fn group(&self, group: u32) -> Option<Served> {
        self.groups.get(&group).cloned().unwrap_or_else(|| (!self.unknown).then(Served::default))
    }

    /// Nothing that was served changes and nothing that was refused is served, but for groups in `changed`.
    pub fn lasts(&self, later: &Observed, changed: &BTreeSet<u32>) {
        assert_eq!(self.unknown, later.unknown, "the verdict about unknown groups lasts");
        for group in self.groups.keys().chain(later.groups.keys()).filter(|group| !changed.contains(group)) {
            assert_eq!(self.group(*group), later.group(*group), "what is known of group {group} lasts");
        }
    }
}

/// Opens the log without a thread.
pub fn open(fs: &Arc<MemoryFs>) -> Result<(Walog, Driver), OpenError> {
    let fs: Arc<MemoryFs> = Arc::clone(fs);
    Walog::open_driven(fs, Path::new(DIR), options())
}

fn pair(id: LogId) -> (u64, u64) {
    (id.term, id.index)
}

/// Everything that can be read.
pub fn observe(log: &Walog) -> Observed {
    let unknown = log.quarantined().iter().any(|quarantine| quarantine.group.is_none());
    let groups = log.groups().into_iter().map(|id| {
        let group = log.group(id);
        let served = group.quarantine().is_none().then(|| {
            let state = group.state();
            let entries = entries(log, id);
            let reached = entries.last().map(|entry| entry.id).or(state.purged);
            assert_eq!(reached, state.last, "group {id} has every entry between its marks");
            let first = entries.first().map(|entry| entry.id.index);
            assert!(first.is_none_or(|first| state.purged.map_or(first <= 1, |purged| first == purged.index + 1)));
            assert!(entries.windows(2).all(|pair| pair[0].id.index + 1 == pair[1].id.index));
            let entries =
                entries.into_iter().map(|entry| (entry.id.term, entry.id.index, entry.kind, entry.body.to_vec()));
            Served {
                purged: state.purged.map(pair),
                last: state.last.map(pair),
                vote: state.vote.map(|vote| vote.to_vec()),
                entries: entries.collect(),
            }
        });
        (id.0, served)
    });
    Observed { groups: groups.collect(), unknown }
}

fn entries(log: &Walog, id: GroupId) -> Vec<Entry> {
    let group = log.group(id);
    let read = |from: u64| group.read(from..u64::MAX, u64::MAX);
    match read(0) {
        Err(LogError::Purged { first, .. }) => read(first).expect("what was found when the log was opened can be read"),
        Ok(entries) if entries.is_empty() => read(1).expect("what was found when the log was opened can be read"),
        read => read.expect("what was found when the log was opened can be read"),
    }
}

/// Appends an entry to every group that is served, where there are indexes left; tells to which.
pub fn go_on(log: &Walog, driver: &mut Driver, observed: &mut Observed) {
    for (group, served) in &mut observed.groups {
        let Some(served) = served else { continue };
        let last = served.last.unwrap_or((0, 0));
        let Some(index) = last.1.checked_add(1).filter(|index| *index < u64::MAX) else { continue };
        let entry = Entry { id: LogId { term: last.0, index }, kind: 7, body: Bytes::from_static(b"on") };
        served.last = Some((last.0, index));
        served.entries.push((last.0, index, 7, b"on".to_vec()));
        log.group(GroupId(*group)).append(vec![entry], Box::new(|result| result.expect("there is room")));
    }
    while driver.step() == Step::Wrote {}
}

//! A log that was written well, and files that were damaged since.

use super::SEGMENT_BYTES;
use super::format::BLOCK_BYTES;
use super::observe::{Served, go_on, observe, open};
use crate::disk::MemoryFs;
use crate::input::Input;
use anabranch_types::GroupId;
use anabranch_walog::{Done, Driver, Entry, LogId, Walog};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

const STEPS_MAX: usize = 48;
const HURTS_MAX: usize = 4;
const GROUPS: u8 = 3;
/// An entry fills up to so many bytes for each of the byte that says how large it is.
const BODY_UNIT: usize = 12;

type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// A group is quarantined or as it was at some time; as it was at the end, if the damage spared the last batch, which
/// proves all before it (I1). What was once said of it lasts.
pub fn damage(bytes: &[u8]) {
    let (fs, mut input) = (Arc::new(MemoryFs::default()), Input::new(bytes));
    let mut history = History::default();
    let old = history.write(&mut input, &fs);
    let proof = Proof::of(&fs.contents());
    for _ in 0..=usize::from(input.byte()) % HURTS_MAX {
        hurt(&mut input, &fs, &old);
    }
    let is_proven = proof.is_some_and(|proof| proof.stands(&fs.contents()));
    let Ok((log, mut driver)) = open(&fs) else { return };
    let mut first = observe(&log);
    for group in 1..=u32::from(GROUPS) {
        let Some(served) = first.group(group) else { continue };
        let states = history.states.get(&group).cloned().unwrap_or_default();
        let now = states.last().cloned().unwrap_or_default();
        let was = served == Served::default() || states.contains(&served);
        assert!(was, "group {group} never was {served:?}, but {states:?}");
        assert!(!is_proven || served == now, "group {group} was {now:?} and is {served:?}, and nothing tells of it");
    }
    go_on(&log, &mut driver, &mut first);
    drop((log, driver));
    let (log, _driver) = open(&fs).expect("what was opened once is opened again");
    first.lasts(&observe(&log), &BTreeSet::new());
}

/// What was asked of the log, group by group, after each step.
#[derive(Default)]
struct History {
    states: BTreeMap<u32, Vec<Served>>,
}

fn done() -> Done {
    Box::new(|result| result.expect("there is room"))
}

impl History {
    /// Writes a log as `input` says, proves its last batch, and returns the files as they were at some time before.
    fn write(&mut self, input: &mut Input<'_>, fs: &Arc<MemoryFs>) -> Contents {
        let mut opened = open(fs).expect("an empty log can be made");
        let (steps, old_at) = (usize::from(input.byte()) % STEPS_MAX, usize::from(input.byte()) % STEPS_MAX);
        let mut old = fs.contents();
        for step in 0..steps {
            self.step(input, &mut opened, fs);
            if step == old_at {
                old = fs.contents();
            }
        }
        let (_, driver) = &mut opened;
        driver.step();
        driver.idle();
        old
    }

    fn step(&mut self, input: &mut Input<'_>, opened: &mut (Walog, Driver), fs: &Arc<MemoryFs>) {
        let what = input.byte();
        let id = u32::from(what >> 4) % u32::from(GROUPS) + 1;
        let group = opened.0.group(GroupId(id));
        let states = self.states.entry(id).or_insert_with(|| vec![Served::default()]);
        let mut now = states.last().cloned().unwrap_or_default();
        match what & 15 {
            0..=5 => {
                let (term, index) = now.last.map_or((1, 1), |(term, index)| (term, index + 1));
                let body = vec![what; usize::from(input.byte()) * BODY_UNIT];
                let id = LogId { term: term + u64::from(what & 1), index };
                now.last = Some((id.term, index));
                now.entries.push((id.term, index, what, body.clone()));
                group.append(vec![Entry { id, kind: what, body: Bytes::from(body) }], done());
            }
            6 => {
                let kept = now.entries.len() * usize::from(input.byte()) / 256;
                now.entries.truncate(kept);
                now.last = now.entries.last().map(|entry| (entry.0, entry.1)).or(now.purged);
                group.truncate_after(now.last.map(|(term, index)| LogId { term, index }), done());
            }
            7 | 8 => {
                let upto = now.entries.len() * usize::from(input.byte()) / 255;
                if let Some((term, index, ..)) = now.entries.drain(..upto).next_back() {
                    now.purged = Some((term, index));
                    group.purge(LogId { term, index }, done());
                }
            }
            9 => {
                let vote = vec![input.byte(); 9];
                group.save_vote(Bytes::copy_from_slice(&vote), done());
                now.vote = Some(vote);
            }
            10 => group.save_committed(LogId { term: 1, index: u64::from(input.byte()) }),
            11 => {
                group.remove(done());
                now = Served::default();
            }
            12 => {
                opened.1.step();
                opened.1.idle();
            }
            13 => {
                opened.1.step();
                *opened = open(fs).expect("nothing is damaged yet");
            }
            _ => {
                opened.1.step();
            }
        }
        states.push(now);
    }
}

/// The last batch: it was written when all before it was synced.
struct Proof {
    path: PathBuf,
    at: usize,
    block: Vec<u8>,
}

impl Proof {
    fn of(contents: &Contents) -> Option<Self> {
        let (path, bytes) = segments(contents).next_back()?;
        // A file that was used before holds older batches behind the last one.
        let batches = bytes.chunks_exact(BLOCK_BYTES).enumerate().filter(|(_, block)| block.starts_with(b"WBAT"));
        let ordinal = |block: &[u8]| block[16..24].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let (number, block) = batches.max_by_key(|(_, block)| ordinal(block))?;
        Some(Self { path: path.clone(), at: number * BLOCK_BYTES, block: block.to_vec() })
    }

    fn stands(&self, contents: &Contents) -> bool {
        let bytes = contents.get(&self.path).and_then(|bytes| bytes.get(self.at..self.at + BLOCK_BYTES));
        bytes == Some(&self.block)
    }
}

fn segments(contents: &Contents) -> impl DoubleEndedIterator<Item = (&PathBuf, &Vec<u8>)> {
    contents.iter().filter(|(path, _)| path.to_string_lossy().contains("/segment-"))
}

/// Damages one segment.
fn hurt(input: &mut Input<'_>, fs: &MemoryFs, old: &Contents) {
    let contents = fs.contents();
    let all: Vec<(&PathBuf, &Vec<u8>)> = segments(&contents).collect();
    let one = |input: &mut Input<'_>| all[usize::from(input.byte()) % all.len()];
    let how = input.byte();
    if all.is_empty() {
        return;
    }
    let (path, bytes) = one(input);
    let mut bytes = bytes.clone();
    let blocks = SEGMENT_BYTES as usize / BLOCK_BYTES;
    match how % 8 {
        0 | 1 => {
            let (at, value) = (usize::from(input.u16()), input.byte());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= value;
            }
        }
        2 => {
            let at = usize::from(input.byte()) % blocks * BLOCK_BYTES;
            if let Some(block) = bytes.get_mut(at..at + BLOCK_BYTES) {
                block.fill(0);
            }
        }
        3 => bytes.truncate(usize::from(input.u16())),
        4 => return fs.take(path),
        5 => {
            let (_, other) = one(input);
            let from = usize::from(input.byte()) % blocks * BLOCK_BYTES;
            let to = usize::from(input.byte()) % blocks * BLOCK_BYTES;
            if let (Some(from), Some(to)) = (other.get(from..from + BLOCK_BYTES), bytes.get_mut(to..to + BLOCK_BYTES)) {
                to.copy_from_slice(from);
            }
        }
        6 => match old.get(path) {
            Some(old) => bytes.clone_from(old),
            None => return,
        },
        _ => {
            let (other, content) = one(input);
            fs.put(other.clone(), bytes);
            bytes = content.clone();
        }
    }
    fs.put(path.clone(), bytes);
}

#[cfg(test)]
mod tests {
    use super::super::segment_path;
    use super::*;

    #[test]
    fn the_last_batch_of_a_log_is_found() {
        let fs = Arc::new(MemoryFs::default());
        History::default().write(&mut Input::new(&[3, 0, 0, 9, 12, 0, 9]), &fs);
        let mut contents = fs.contents();
        let proof = Proof::of(&contents).expect("a log has a batch");
        assert!(proof.stands(&contents) && proof.path == segment_path(1));
        contents.get_mut(&proof.path).expect("the segment")[proof.at + 9] ^= 1;
        assert!(!proof.stands(&contents));
    }
}

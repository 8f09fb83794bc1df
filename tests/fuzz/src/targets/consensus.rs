//! Consensus: what it keeps in the log, in the store and beside them, and what replicas say to each other. Whatever is
//! accepted is what would be written.

use crate::input::Input;
use anabranch_consensus::{AppliedState, fuzzing};
use anabranch_walog::{Entry, LogId};
use bytes::Bytes;

/// Votes, memberships and entries, from frames of the log.
pub fn log(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let what = input.byte();
    let body = |input: &mut Input<'_>| Bytes::copy_from_slice(input.rest());
    match what % 3 {
        0 => {
            let vote = body(&mut input);
            assert!(fuzzing::vote(vote.clone()).is_none_or(|again| again == vote));
        }
        1 => {
            let membership = body(&mut input);
            assert!(fuzzing::membership(membership.clone()).is_none_or(|again| again == membership));
        }
        _ => {
            let (kind, term, index) = (input.byte() % 5, input.u64(), input.u64());
            let entry = Entry { id: LogId { term, index }, kind, body: body(&mut input) };
            let again = fuzzing::entry(entry.clone());
            assert!(again.is_none_or(|again| again == entry), "{entry:?}");
        }
    }
}

/// The row that says how far a group has applied.
pub fn applied(bytes: &[u8]) {
    let Ok(state) = AppliedState::from_row(Bytes::copy_from_slice(bytes)) else { return };
    assert_eq!(state.to_row(), bytes, "{state:?}");
    assert!(state.last.is_none_or(|last| last.index < u64::MAX), "the log goes on behind it");
}

/// The manifest of a snapshot that is pulled, from the disk or from a peer, with a right checksum.
pub fn manifest(bytes: &[u8]) {
    let mut manifest = bytes.to_vec();
    manifest.extend(crc32c::crc32c(bytes).to_le_bytes());
    let manifest = Bytes::from(manifest);
    assert!(fuzzing::manifest(&manifest).is_none_or(|again| again == manifest));
}

/// A message of one replica to another, or an answer.
pub fn messages(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    for again in fuzzing::messages(&bytes) {
        // The reason of a failure is cut where it is written: what is longer comes from nobody of ours.
        let is_cut = bytes.len() > again.len() && bytes.starts_with(&again);
        assert!(again == bytes || is_cut, "{bytes:?} is written as {again:?}");
    }
}

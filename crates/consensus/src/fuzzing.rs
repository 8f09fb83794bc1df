//! What reads bytes of disks and peers, for fuzzing: each takes bytes and gives what was read written again.

use crate::codec::{entry_in, entry_out, membership_in, membership_out, vote_in, vote_out};
use crate::snapshot::manifest_again;
use anabranch_walog::Entry;
use bytes::Bytes;

/// A group's vote.
#[must_use]
pub fn vote(bytes: Bytes) -> Option<Bytes> {
    vote_in(bytes).ok().map(|vote| vote_out(&vote))
}

/// Who votes and who learns.
#[must_use]
pub fn membership(bytes: Bytes) -> Option<Bytes> {
    membership_in(bytes).ok().map(|membership| membership_out(&membership))
}

/// An entry of the log.
#[must_use]
pub fn entry(entry: Entry) -> Option<Entry> {
    entry_in(entry).ok().map(entry_out)
}

/// The list of a snapshot's files.
#[must_use]
pub fn manifest(bytes: &Bytes) -> Option<Bytes> {
    manifest_again(bytes)
}

//! What replicas say to each other, in bytes. docs/formats/consensus.md describes the same.
//!
//! All integers are little-endian. `log id` is term u64, index u64; `optional` is a byte, 0 or 1,
//! and the value when it is 1; `vote` is term u64, voted for u64, committed u8.
//!
//! ```text
//! head             version u8 = 1 | kind u8 | group u32 | from replica u64 | to replica u64
//! vote, pre-vote   head | vote | optional log id: the candidate's last | leadership transfer u8
//! transfer leader  head | vote | next leader u64 | optional log id: the old leader's last
//! append,          head | vote | optional log id: the entry before | optional log id: committed
//! heartbeat        | entries u32 | per entry: kind u8, log id, body bytes u32 | the bodies
//! ```
//! The kinds are those of [`MessageKind`], and 5 for a message of an append stream. A heartbeat
//! has no entries. Answers are in `answer.rs`.

use crate::codec::{entry_in, entry_out, log_id_in, log_id_out};
use crate::raft_types::{RaftEntry, RaftLogId, RaftTypes, RaftVote};
use crate::transport::{AppendMessage, MessageKind};
use anabranch_types::{GroupId, ReplicaId};
use anabranch_walog::{Entry, LogId};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::raft::{AppendEntriesRequest, TransferLeaderRequest, VoteRequest};

pub(crate) const VERSION: u8 = 1;
pub(crate) const KIND_APPEND: u8 = 5;
/// Kind, log id and length of one entry.
const ENTRY_ROW_BYTES: usize = 1 + 16 + 4;

/// A message does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Made by a build of another format (D15).
    #[error("message has version {found}, this build reads version {VERSION}")]
    Version {
        /// The message's version.
        found: u8,
    },
    /// It came as something that it is not.
    #[error("message is of kind {found} but came as kind {expected}")]
    Kind {
        /// What it says that it is.
        found: u8,
        /// What it came as.
        expected: u8,
    },
    /// One of its entries does not parse.
    #[error("message holds an entry that this build does not read: {0}")]
    Entry(String),
    /// Bytes are missing, left over, or make no sense.
    #[error("message is malformed: {0}")]
    Malformed(&'static str),
}

/// Who speaks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub group: GroupId,
    pub from: ReplicaId,
    pub to: ReplicaId,
}

pub(crate) fn vote_request(envelope: Envelope, kind: MessageKind, request: &VoteRequest<RaftTypes>) -> Bytes {
    let mut out = head(envelope, kind.code());
    put_vote(&mut out, &request.vote);
    put_optional(&mut out, request.last_log_id.as_ref());
    out.put_u8(u8::from(request.leadership_transfer));
    out.freeze()
}

pub(crate) fn vote_request_in(
    mut bytes: Bytes,
    kind: MessageKind,
) -> Result<(Envelope, VoteRequest<RaftTypes>), MessageError> {
    let envelope = take_head(&mut bytes, kind.code())?;
    let mut request = VoteRequest::new(take_vote_of(&mut bytes, false)?, take_optional(&mut bytes)?);
    request.leadership_transfer = take_flag(&mut bytes)?;
    at_end(&bytes)?;
    Ok((envelope, request))
}

pub(crate) fn transfer_request(envelope: Envelope, request: &TransferLeaderRequest<RaftTypes>) -> Bytes {
    let mut out = head(envelope, MessageKind::TransferLeader.code());
    put_vote(&mut out, request.from_leader());
    // The new leader is told apart from the other replicas, which let go of the old one.
    out.put_u64_le(*request.to_node_id());
    put_optional(&mut out, request.last_log_id());
    out.freeze()
}

pub(crate) fn transfer_request_in(
    mut bytes: Bytes,
) -> Result<(Envelope, TransferLeaderRequest<RaftTypes>), MessageError> {
    let envelope = take_head(&mut bytes, MessageKind::TransferLeader.code())?;
    let from = take_vote_of(&mut bytes, true)?;
    let to = bytes.try_get_u64_le().map_err(|_| CUT)?;
    let request = TransferLeaderRequest::new(from, to, take_optional(&mut bytes)?);
    at_end(&bytes)?;
    Ok((envelope, request))
}

/// A message of an append stream, or, with the heartbeat's kind, a heartbeat.
pub(crate) fn append_request(envelope: Envelope, kind: u8, request: AppendEntriesRequest<RaftTypes>) -> AppendMessage {
    let mut out = head(envelope, kind);
    put_vote(&mut out, &request.vote);
    put_optional(&mut out, request.prev_log_id.as_ref());
    put_optional(&mut out, request.leader_commit.as_ref());
    out.put_u32_le(u32::try_from(request.entries.len()).expect("a message holds at most some thousand entries"));
    let mut bodies = Vec::with_capacity(request.entries.len());
    for entry in request.entries {
        let Entry { id, kind, body } = entry_out(entry);
        out.put_u8(kind);
        put_log_id(&mut out, id);
        out.put_u32_le(u32::try_from(body.len()).expect("an entry fits half a segment of the log"));
        if !body.is_empty() {
            bodies.push(body);
        }
    }
    AppendMessage::new(out.freeze(), bodies)
}

/// The entries' bodies are slices of `bytes`.
pub(crate) fn append_request_in(
    mut bytes: Bytes,
    kind: u8,
) -> Result<(Envelope, AppendEntriesRequest<RaftTypes>), MessageError> {
    let envelope = take_head(&mut bytes, kind)?;
    let vote = take_vote_of(&mut bytes, true)?;
    let prev_log_id = take_optional(&mut bytes)?;
    let leader_commit = take_optional(&mut bytes)?;
    let entries = take_entries(&mut bytes, prev_log_id.as_ref())?;
    at_end(&bytes)?;
    if kind != KIND_APPEND && !entries.is_empty() {
        return Err(MessageError::Malformed("a heartbeat with entries"));
    }
    Ok((envelope, AppendEntriesRequest { vote, prev_log_id, entries, leader_commit }))
}

/// Entries follow `before` and each other without a gap: the log takes nothing else.
fn take_entries(bytes: &mut Bytes, before: Option<&RaftLogId>) -> Result<Vec<RaftEntry>, MessageError> {
    let count = bytes.try_get_u32_le().map_err(|_| CUT)? as usize;
    let rows_bytes = count.checked_mul(ENTRY_ROW_BYTES).filter(|rows| *rows <= bytes.len()).ok_or(CUT)?;
    let mut rows = bytes.split_to(rows_bytes);
    let mut last = before.map(log_id_out);
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = rows.get_u8();
        let id = LogId { term: rows.get_u64_le(), index: rows.get_u64_le() };
        let body_bytes = rows.get_u32_le() as usize;
        let follows = match last {
            Some(last) => last.index.checked_add(1) == Some(id.index) && id.term >= last.term,
            None => id.index == 0,
        };
        if !follows {
            return Err(MessageError::Malformed("entries with a gap"));
        }
        if body_bytes > bytes.len() {
            return Err(CUT);
        }
        last = Some(id);
        let body = bytes.split_to(body_bytes);
        entries.push(entry_in(Entry { id, kind, body }).map_err(|error| MessageError::Entry(error.to_string()))?);
    }
    Ok(entries)
}

pub(crate) const CUT: MessageError = MessageError::Malformed("bytes are missing");

pub(crate) fn head(envelope: Envelope, kind: u8) -> BytesMut {
    let mut out = BytesMut::with_capacity(128);
    out.put_u8(VERSION);
    out.put_u8(kind);
    out.put_u32_le(envelope.group.0);
    out.put_u64_le(envelope.from.0);
    out.put_u64_le(envelope.to.0);
    out
}

pub(crate) fn take_head(bytes: &mut Bytes, kind: u8) -> Result<Envelope, MessageError> {
    take_version_and_kind(bytes, kind)?;
    Ok(Envelope {
        group: GroupId(bytes.try_get_u32_le().map_err(|_| CUT)?),
        from: ReplicaId(bytes.try_get_u64_le().map_err(|_| CUT)?),
        to: ReplicaId(bytes.try_get_u64_le().map_err(|_| CUT)?),
    })
}

pub(crate) fn take_version_and_kind(bytes: &mut Bytes, expected: u8) -> Result<(), MessageError> {
    let found = bytes.try_get_u8().map_err(|_| CUT)?;
    if found != VERSION {
        return Err(MessageError::Version { found });
    }
    match bytes.try_get_u8().map_err(|_| CUT)? {
        found if found == expected => Ok(()),
        found => Err(MessageError::Kind { found, expected }),
    }
}

pub(crate) fn put_vote(out: &mut BytesMut, vote: &RaftVote) {
    out.put_u64_le(vote.leader_id.term);
    out.put_u64_le(vote.leader_id.voted_for);
    out.put_u8(u8::from(vote.committed));
}

pub(crate) fn take_vote(bytes: &mut Bytes) -> Result<RaftVote, MessageError> {
    let term = bytes.try_get_u64_le().map_err(|_| CUT)?;
    let voted_for = bytes.try_get_u64_le().map_err(|_| CUT)?;
    match take_flag(bytes)? {
        true => Ok(RaftVote::new_committed(term, voted_for)),
        false => Ok(RaftVote::new(term, voted_for)),
    }
}

/// The vote of a leader, which is committed, or of a candidate, which is not.
pub(crate) fn take_vote_of(bytes: &mut Bytes, leader: bool) -> Result<RaftVote, MessageError> {
    let vote = take_vote(bytes)?;
    if vote.committed == leader { Ok(vote) } else { Err(MessageError::Malformed("a vote of the wrong stage")) }
}

fn put_log_id(out: &mut BytesMut, id: LogId) {
    out.put_u64_le(id.term);
    out.put_u64_le(id.index);
}

pub(crate) fn put_optional(out: &mut BytesMut, id: Option<&RaftLogId>) {
    out.put_u8(u8::from(id.is_some()));
    if let Some(id) = id {
        put_log_id(out, log_id_out(id));
    }
}

pub(crate) fn take_optional(bytes: &mut Bytes) -> Result<Option<RaftLogId>, MessageError> {
    if !take_flag(bytes)? {
        return Ok(None);
    }
    let term = bytes.try_get_u64_le().map_err(|_| CUT)?;
    let index = bytes.try_get_u64_le().map_err(|_| CUT)?;
    Ok(Some(log_id_in(LogId { term, index })))
}

pub(crate) fn take_flag(bytes: &mut Bytes) -> Result<bool, MessageError> {
    match bytes.try_get_u8().map_err(|_| CUT)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(MessageError::Malformed("a flag that is neither 0 nor 1")),
    }
}

pub(crate) fn at_end(bytes: &Bytes) -> Result<(), MessageError> {
    if bytes.has_remaining() { Err(MessageError::Malformed("bytes are left over")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;

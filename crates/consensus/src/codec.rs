//! Between openraft's values and the bytes of the shared log.
//!
//! Entry kinds: 0 blank, 1 command, 2 membership. All integers are little-endian.
//!
//! ```text
//! vote        version u8 = 1 | term u64 | voted for u64 | committed u8
//! membership  version u8 = 1 | configs u16 | per config: voters u16, replica u64 …
//!             | replicas u16 | per replica: replica u64, node u64
//! ```

use crate::raft_types::{Command, CommittedLeader, Member, RaftEntry, RaftLogId, RaftMembership, RaftVote};
use anabranch_types::NodeId;
use anabranch_walog::{Entry, LogId};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::EntryPayload;
use openraft::entry::RaftEntry as _;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

const KIND_BLANK: u8 = 0;
pub(crate) const KIND_COMMAND: u8 = 1;
const KIND_MEMBERSHIP: u8 = 2;
const VERSION: u8 = 1;

pub(crate) fn log_id_out(id: &RaftLogId) -> LogId {
    LogId { term: id.leader_id.term, index: id.index }
}

pub(crate) fn log_id_in(id: LogId) -> RaftLogId {
    RaftLogId { leader_id: CommittedLeader::new(id.term), index: id.index }
}

pub(crate) fn entry_out(entry: RaftEntry) -> Entry {
    let id = log_id_out(&entry.log_id);
    let (kind, body) = match entry.payload {
        EntryPayload::Blank => (KIND_BLANK, Bytes::new()),
        EntryPayload::Normal(command) => (KIND_COMMAND, command.bytes),
        EntryPayload::Membership(membership) => (KIND_MEMBERSHIP, membership_out(&membership)),
    };
    Entry { id, kind, body }
}

pub(crate) fn entry_in(entry: Entry) -> io::Result<RaftEntry> {
    let payload = match entry.kind {
        KIND_BLANK if entry.body.is_empty() => EntryPayload::Blank,
        KIND_BLANK => return Err(malformed("blank entry: it has a body")),
        KIND_COMMAND => EntryPayload::Normal(Command { bytes: entry.body, admission: None }),
        KIND_MEMBERSHIP => EntryPayload::Membership(membership_in(entry.body)?),
        kind => return Err(malformed(&format!("entry of unknown kind {kind}"))),
    };
    Ok(RaftEntry::new(log_id_in(entry.id), payload))
}

pub(crate) fn vote_out(vote: &RaftVote) -> Bytes {
    let mut out = BytesMut::with_capacity(18);
    out.put_u8(VERSION);
    out.put_u64_le(vote.leader_id.term);
    out.put_u64_le(vote.leader_id.voted_for);
    out.put_u8(u8::from(vote.committed));
    out.freeze()
}

pub(crate) fn vote_in(mut bytes: Bytes) -> io::Result<RaftVote> {
    if bytes.len() != 18 || bytes.get_u8() != VERSION {
        return Err(malformed("vote"));
    }
    let (term, voted_for) = (bytes.get_u64_le(), bytes.get_u64_le());
    match bytes.get_u8() {
        0 => Ok(RaftVote::new(term, voted_for)),
        1 => Ok(RaftVote::new_committed(term, voted_for)),
        _ => Err(malformed("vote")),
    }
}

pub(crate) fn membership_out(membership: &RaftMembership) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(VERSION);
    let configs = membership.get_joint_config();
    out.put_u16_le(count(configs.len()));
    for config in configs {
        out.put_u16_le(count(config.len()));
        config.iter().for_each(|replica| out.put_u64_le(*replica));
    }
    let members: Vec<_> = membership.nodes().collect();
    out.put_u16_le(count(members.len()));
    for (replica, member) in members {
        out.put_u64_le(*replica);
        out.put_u64_le(member.node.0);
    }
    out.freeze()
}

pub(crate) fn membership_in(mut bytes: Bytes) -> io::Result<RaftMembership> {
    let short = || malformed("membership");
    let version = bytes.try_get_u8().map_err(|_| short())?;
    if version != VERSION {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("membership has version {version}, this build reads version {VERSION}"),
        ));
    }
    let mut configs = Vec::new();
    for _ in 0..bytes.try_get_u16_le().map_err(|_| short())? {
        let mut config = BTreeSet::new();
        for _ in 0..bytes.try_get_u16_le().map_err(|_| short())? {
            let replica = bytes.try_get_u64_le().map_err(|_| short())?;
            // In order, so that none comes twice and each membership has one spelling.
            if config.last().is_some_and(|last| *last >= replica) {
                return Err(malformed("membership: voters out of order"));
            }
            config.insert(replica);
        }
        configs.push(config);
    }
    let mut members = BTreeMap::new();
    for _ in 0..bytes.try_get_u16_le().map_err(|_| short())? {
        let replica = bytes.try_get_u64_le().map_err(|_| short())?;
        let node = NodeId(bytes.try_get_u64_le().map_err(|_| short())?);
        if members.last_key_value().is_some_and(|(last, _)| *last >= replica) {
            return Err(malformed("membership: replicas out of order"));
        }
        members.insert(replica, Member { node });
    }
    if bytes.has_remaining() {
        return Err(short());
    }
    if configs.is_empty() && members.is_empty() {
        return Ok(RaftMembership::default());
    }
    RaftMembership::new(configs, members).map_err(|error| malformed(&error.to_string()))
}

/// Memberships hold a handful of replicas.
fn count(n: usize) -> u16 {
    u16::try_from(n).expect("a group has at most a handful of replicas")
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_blank_entry_with_a_body_is_refused() {
        let entry = |body| Entry { id: LogId { term: 1, index: 2 }, kind: KIND_BLANK, body };
        assert!(entry_in(entry(Bytes::new())).is_ok());
        assert!(entry_in(entry(Bytes::from_static(b"x"))).is_err());
    }

    proptest! {
        #[test]
        fn a_vote_reads_back_as_written(term: u64, replica: u64, committed: bool) {
            let vote = if committed { RaftVote::new_committed(term, replica) } else { RaftVote::new(term, replica) };
            prop_assert_eq!(vote_in(vote_out(&vote)).expect("own bytes"), vote);
        }

        #[test]
        fn a_membership_reads_back_as_written(voters in prop::collection::btree_set(1u64..99, 1..6), joint: bool) {
            let members: BTreeMap<u64, Member> = voters.iter().map(|r| (*r, Member { node: NodeId(r + 7) })).collect();
            let configs = if joint { vec![voters.clone(), voters.clone()] } else { vec![voters.clone()] };
            let membership = RaftMembership::new(configs, members).expect("valid");
            let bytes = membership_out(&membership);
            for cut in 0..bytes.len() {
                prop_assert!(membership_in(bytes.slice(..cut)).is_err());
            }
            prop_assert_eq!(membership_in(bytes).expect("own bytes"), membership);
        }

        #[test]
        fn a_replica_that_comes_twice_is_no_member(voters in prop::collection::btree_set(1u64..99, 2..6)) {
            let members = voters.iter().map(|r| (*r, Member { node: NodeId(r + 7) })).collect::<BTreeMap<_, _>>();
            let bytes = membership_out(&RaftMembership::new(vec![voters.clone()], members).expect("valid"));
            let members_at = 1 + 2 + 2 + 8 * voters.len() + 2;
            for (first, step) in [(1 + 2 + 2, 8), (members_at, 16)] {
                let mut bytes = bytes.to_vec();
                bytes.copy_within(first..first + 8, first + step);
                prop_assert!(membership_in(bytes.into()).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = membership_in(Bytes::from(bytes.clone()));
            let _ = vote_in(Bytes::from(bytes));
        }
    }
}

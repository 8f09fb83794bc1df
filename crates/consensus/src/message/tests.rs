use super::*;
use crate::answer::{
    append_answer, append_answer_in, transfer_answer, transfer_answer_in, vote_answer, vote_answer_in,
};
use crate::raft_types::{Command, Member, RaftMembership};
use anabranch_types::NodeId;
use openraft::EntryPayload;
use openraft::entry::RaftEntry as _;
use openraft::raft::{StreamAppendError, TransferLeaderError, VoteResponse};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn envelopes() -> impl Strategy<Value = Envelope> {
    let parts = (any::<u32>(), any::<u64>(), any::<u64>());
    parts.prop_map(|(group, from, to)| Envelope { group: GroupId(group), from: ReplicaId(from), to: ReplicaId(to) })
}

fn votes() -> impl Strategy<Value = RaftVote> {
    (any::<u64>(), any::<u64>(), any::<bool>()).prop_map(|(term, replica, committed)| match committed {
        true => RaftVote::new_committed(term, replica),
        false => RaftVote::new(term, replica),
    })
}

fn votes_of(leader: bool) -> impl Strategy<Value = RaftVote> {
    votes().prop_map(move |vote| RaftVote { committed: leader, ..vote })
}

fn log_ids() -> impl Strategy<Value = RaftLogId> {
    (any::<u64>(), any::<u64>()).prop_map(|(term, index)| log_id_in(LogId { term, index }))
}

fn maybe_log_ids() -> impl Strategy<Value = Option<RaftLogId>> {
    prop::option::of(log_ids())
}

fn payloads() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..40))
}

/// Requests whose entries follow each other; an entry without bytes is blank, the last one
/// tells of members.
fn append_requests() -> impl Strategy<Value = AppendEntriesRequest<RaftTypes>> {
    let parts =
        (votes_of(true), 0u64..9, 0u64..9, maybe_log_ids(), prop::collection::vec(payloads(), 0..6), any::<bool>());
    parts.prop_map(|(vote, term, first, leader_commit, payloads, with_members)| {
        let id = |index| log_id_in(LogId { term, index });
        let mut entries: Vec<RaftEntry> = Vec::new();
        for payload in payloads {
            let payload = match payload {
                None => EntryPayload::Blank,
                Some(bytes) => EntryPayload::Normal(Command { bytes: bytes.into(), admission: None }),
            };
            entries.push(RaftEntry::new(id(first + entries.len() as u64), payload));
        }
        if with_members {
            let members = BTreeMap::from([(3, Member { node: NodeId(4) })]);
            let membership = RaftMembership::new(vec![BTreeSet::from([3])], members).expect("valid");
            entries.push(RaftEntry::new(id(first + entries.len() as u64), EntryPayload::Membership(membership)));
        }
        AppendEntriesRequest { vote, prev_log_id: first.checked_sub(1).map(id), entries, leader_commit }
    })
}

/// Refused at every cut, read or refused without panic at every flipped bit.
fn survives_damage<T>(bytes: &Bytes, read: impl Fn(Bytes) -> Result<T, MessageError>) {
    for cut in 0..bytes.len() {
        assert!(read(bytes.slice(..cut)).is_err(), "cut at {cut} of {}", bytes.len());
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[cut] ^= 1 << bit;
            let _ = read(flipped.into());
        }
    }
    let longer = [bytes.as_ref(), &[0]].concat();
    assert!(read(longer.into()).is_err(), "a byte too many");
}

fn same(left: &[RaftEntry], right: &[RaftEntry]) -> bool {
    let plain = |entries: &[RaftEntry]| entries.iter().cloned().map(entry_out).collect::<Vec<_>>();
    plain(left) == plain(right)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_vote_request_reads_back_as_written(envelope in envelopes(), vote in votes_of(false), last in maybe_log_ids(), transfer: bool) {
        let mut request = VoteRequest::new(vote, last);
        request.leadership_transfer = transfer;
        let bytes = vote_request(envelope, MessageKind::PreVote, &request);
        survives_damage(&bytes, |bytes| vote_request_in(bytes, MessageKind::PreVote));
        prop_assert_eq!(vote_request_in(bytes, MessageKind::PreVote), Ok((envelope, request)));
    }

    #[test]
    fn a_transfer_request_reads_back_as_written(envelope in envelopes(), vote in votes_of(true), to: u64, last in maybe_log_ids()) {
        let request = TransferLeaderRequest::new(vote, to, last);
        let bytes = transfer_request(envelope, &request);
        survives_damage(&bytes, transfer_request_in);
        prop_assert_eq!(transfer_request_in(bytes), Ok((envelope, request)));
    }

    #[test]
    fn an_append_request_reads_back_as_written(envelope in envelopes(), request in append_requests()) {
        let bytes = append_request(envelope, KIND_APPEND, request.clone()).into_bytes();
        survives_damage(&bytes, |bytes| append_request_in(bytes, KIND_APPEND));
        let (envelope_in, request_in) = append_request_in(bytes, KIND_APPEND).expect("own bytes");
        prop_assert_eq!(envelope_in, envelope);
        prop_assert_eq!(request_in.vote, request.vote);
        prop_assert_eq!(request_in.prev_log_id, request.prev_log_id);
        prop_assert_eq!(request_in.leader_commit, request.leader_commit);
        prop_assert!(same(&request_in.entries, &request.entries));
    }

    #[test]
    fn answers_read_back_as_written(vote in votes(), other in votes(), at in log_ids(), last in maybe_log_ids(), granted: bool) {
        let answer = VoteResponse::new(vote, last, granted);
        let bytes = vote_answer(MessageKind::Vote, &answer);
        survives_damage(&bytes, |bytes| vote_answer_in(bytes, MessageKind::Vote));
        prop_assert_eq!(vote_answer_in(bytes, MessageKind::Vote), Ok(answer));

        for answer in [Ok(last), Err(StreamAppendError::Conflict(at)), Err(StreamAppendError::HigherVote(vote))] {
            let bytes = append_answer(KIND_APPEND, &answer);
            survives_damage(&bytes, |bytes| append_answer_in(bytes, KIND_APPEND));
            prop_assert_eq!(append_answer_in(bytes, KIND_APPEND), Ok(answer));
        }

        let changed = TransferLeaderError::VoteChanged { expected: vote, actual: other };
        let missing = TransferLeaderError::LogNotFlushed { expected: Some(at), actual: last };
        for answer in [Ok(()), Err(changed), Err(missing)] {
            let bytes = transfer_answer(&answer);
            survives_damage(&bytes, transfer_answer_in);
            prop_assert_eq!(transfer_answer_in(bytes), Ok(answer));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(tail: Vec<u8>, kind in 1u8..6, honest: bool) {
        let bytes = if honest { [&[VERSION, kind], tail.as_slice()].concat() } else { tail };
        let bytes = Bytes::from(bytes);
        let _ = append_request_in(bytes.clone(), kind);
        let _ = append_answer_in(bytes.clone(), kind);
        let _ = transfer_request_in(bytes.clone());
        let _ = transfer_answer_in(bytes.clone());
        if let Some(kind) = MessageKind::from_code(kind) {
            let _ = vote_request_in(bytes.clone(), kind);
            let _ = vote_answer_in(bytes, kind);
        }
    }
}

const ENVELOPE: Envelope = Envelope { group: GroupId(1), from: ReplicaId(2), to: ReplicaId(3) };

fn command(term: u64, index: u64, bytes: &'static [u8]) -> RaftEntry {
    let command = Command { bytes: Bytes::from_static(bytes), admission: None };
    RaftEntry::new(log_id_in(LogId { term, index }), EntryPayload::Normal(command))
}

fn with_entries(entries: Vec<RaftEntry>) -> AppendEntriesRequest<RaftTypes> {
    AppendEntriesRequest { vote: RaftVote::new_committed(5, 2), prev_log_id: None, entries, leader_commit: None }
}

#[test]
fn a_message_of_a_newer_build_is_refused_by_both_versions() {
    let refusal = transfer_request_in(Bytes::from_static(&[9, 4])).expect_err("version 9");
    assert_eq!(refusal.to_string(), "message has version 9, this build reads version 1");
}

#[test]
fn a_message_that_came_as_another_kind_is_refused() {
    let bytes = append_request(ENVELOPE, KIND_APPEND, with_entries(Vec::new())).into_bytes();
    let heartbeat = MessageKind::Heartbeat.code();
    let refusal = append_request_in(bytes, heartbeat).expect_err("it is of an append stream");
    assert_eq!(refusal, MessageError::Kind { found: 5, expected: 3 });
}

#[test]
fn entries_with_a_gap_or_a_falling_term_are_refused() {
    for (second_term, second_index) in [(5, 2), (5, 0), (4, 1)] {
        let request = with_entries(vec![command(5, 0, b"a"), command(second_term, second_index, b"b")]);
        let bytes = append_request(ENVELOPE, KIND_APPEND, request).into_bytes();
        let refusal = append_request_in(bytes, KIND_APPEND).expect_err("entries do not follow each other");
        assert_eq!(refusal, MessageError::Malformed("entries with a gap"));
    }
}

#[test]
fn a_heartbeat_brings_no_entries() {
    let heartbeat = MessageKind::Heartbeat.code();
    let bytes = append_request(ENVELOPE, heartbeat, with_entries(vec![command(5, 0, b"a")])).into_bytes();
    assert_eq!(
        append_request_in(bytes, heartbeat).expect_err("entries"),
        MessageError::Malformed("a heartbeat with entries")
    );
}

#[test]
fn an_entry_of_an_unknown_kind_is_refused_by_name() {
    let mut bytes = append_request(ENVELOPE, KIND_APPEND, with_entries(vec![command(5, 0, b"")])).into_bytes().to_vec();
    let row = bytes.len() - ENTRY_ROW_BYTES;
    bytes[row] = 9;
    let refusal = append_request_in(bytes.into(), KIND_APPEND).expect_err("kind 9");
    assert!(refusal.to_string().contains("kind 9"), "{refusal}");
}

#[test]
fn bodies_are_neither_copied_into_a_message_nor_out_of_one() {
    let body = Bytes::from(vec![7; 100]);
    let entry = RaftEntry::new(
        log_id_in(LogId { term: 5, index: 0 }),
        EntryPayload::Normal(Command { bytes: body.clone(), admission: None }),
    );
    let message = append_request(ENVELOPE, KIND_APPEND, with_entries(vec![entry]));
    assert!(message.parts().any(|part| part.as_ptr() == body.as_ptr()), "the body is a part of its own");
    let whole = message.into_bytes();
    let (_, request) = append_request_in(whole.clone(), KIND_APPEND).expect("own bytes");
    let EntryPayload::Normal(command) = &request.entries[0].payload else { panic!("a command") };
    assert!(whole.as_ptr_range().contains(&command.bytes.as_ptr()), "a slice of the message");
}

//! What reads bytes of disks and peers, for fuzzing: each takes bytes and gives what was read written again.

use crate::answer::{
    append_answer, append_answer_in, transfer_answer, transfer_answer_in, vote_answer, vote_answer_in,
};
use crate::codec::{entry_in, entry_out, membership_in, membership_out, vote_in, vote_out};
use crate::message::{
    KIND_APPEND, MessageError, append_request, append_request_in, transfer_request, transfer_request_in, vote_request,
    vote_request_in,
};
use crate::snapshot::{fetch_again, manifest_again, offer_again, offer_answer_again};
use crate::transport::MessageKind;
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

/// Whatever of the messages of replicas, and of their answers, is read in `bytes`. Answers to fetches are any bytes.
#[must_use]
pub fn messages(bytes: &Bytes) -> Vec<Bytes> {
    let votes = [MessageKind::Vote, MessageKind::PreVote].into_iter().flat_map(|kind| {
        let request = vote_request_in(bytes.clone(), kind);
        let request = request.map(|(envelope, request)| vote_request(envelope, kind, &request));
        [request, vote_answer_in(bytes.clone(), kind).map(|answer| vote_answer(kind, &answer))]
    });
    let appends = [KIND_APPEND, MessageKind::Heartbeat.code()].into_iter().flat_map(|kind| {
        let request = append_request_in(bytes.clone(), kind);
        let request = request.map(|(envelope, request)| append_request(envelope, kind, request).into_bytes());
        [request, append_answer_in(bytes.clone(), kind).map(|answer| append_answer(kind, &answer))]
    });
    let transfer = transfer_request_in(bytes.clone());
    let others = [
        transfer.map(|(envelope, request)| transfer_request(envelope, &request)),
        transfer_answer_in(bytes.clone()).map(|answer| transfer_answer(&answer)),
        offer_again(bytes),
        offer_answer_again(bytes),
        fetch_again(bytes),
    ];
    let all: Vec<Result<Bytes, MessageError>> = votes.chain(appends).chain(others).collect();
    all.into_iter().flatten().collect()
}

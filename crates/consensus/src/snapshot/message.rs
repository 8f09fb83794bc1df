//! What replicas say to each other about snapshots, in bytes; notation as in `message.rs` above.
//!
//! ```text
//! snapshot id   replica of origin u64 | last log id | crc32c of the manifest u32
//! offer         head | vote, committed | snapshot id | leader's node u64 | manifest bytes u32 | bytes of all files u64
//! its answer    version u8 = 1 | kind u8 | 0 waits for its turn
//!                                        | 1 pulls: bytes so far u64
//!                                        | 2 has it: vote
//!                                        | 3 higher vote: vote
//!                                        | 4 failed: the reason, UTF-8, to the end
//! fetch         head | snapshot id | file u32: its number, or 2^32 - 1 for the manifest | offset u64 | bytes u32
//! its answer    version u8 = 1 | kind u8 | the bytes, to the end
//! ```

use super::manifest::{MANIFEST_BYTES_MAX, PIECE_BYTES, SnapshotId};
use crate::message::{
    CUT, Envelope, MessageError, VERSION, at_end, head, put_vote, take_head, take_version_and_kind, take_vote,
    take_vote_of,
};
use crate::raft_types::RaftVote;
use crate::transport::MessageKind;
use anabranch_types::{NodeId, ReplicaId};
use anabranch_walog::LogId;
use bytes::{Buf, BufMut, Bytes, BytesMut};

pub(crate) const KIND_FETCH: u8 = 7;
const MANIFEST: u32 = u32::MAX;
/// Bytes of a reason that travel.
const REASON_BYTES_MAX: usize = 1024;

/// The leader has a snapshot for a replica that lacks entries which are purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The leader's.
    pub vote: RaftVote,
    pub id: SnapshotId,
    /// Where the leader lives: a new replica knows no membership.
    pub node: NodeId,
    /// Length of the manifest.
    pub manifest_bytes: u32,
    /// Of all files together; for progress only.
    pub total_bytes: u64,
}

/// How far the receiver is with the snapshot that it was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OfferAnswer {
    /// As many as may are being pulled on its node.
    Waits,
    /// It pulls.
    Pulls { bytes: u64 },
    /// It shows all that the snapshot covers, or more.
    Has { vote: RaftVote },
    /// It follows another leader.
    HigherVote { vote: RaftVote },
    /// It gave up for now.
    Failed { reason: String },
}

/// Which bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub id: SnapshotId,
    pub part: Part,
    pub offset: u64,
    /// At most [`PIECE_BYTES`].
    pub bytes: u32,
}

/// Of what the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Manifest,
    /// By its place in the manifest.
    File(u32),
}

pub(crate) fn offer(envelope: Envelope, offer: &Offer) -> Bytes {
    let mut out = head(envelope, MessageKind::Offer.code());
    put_vote(&mut out, &offer.vote);
    put_id(&mut out, offer.id);
    out.put_u64_le(offer.node.0);
    out.put_u32_le(offer.manifest_bytes);
    out.put_u64_le(offer.total_bytes);
    out.freeze()
}

pub(crate) fn offer_in(mut bytes: Bytes) -> Result<(Envelope, Offer), MessageError> {
    let envelope = take_head(&mut bytes, MessageKind::Offer.code())?;
    let vote = take_vote_of(&mut bytes, true)?;
    let id = take_id(&mut bytes)?;
    let node = NodeId(bytes.try_get_u64_le().map_err(|_| CUT)?);
    let manifest_bytes = bytes.try_get_u32_le().map_err(|_| CUT)?;
    let total_bytes = bytes.try_get_u64_le().map_err(|_| CUT)?;
    at_end(&bytes)?;
    if u64::from(manifest_bytes) > MANIFEST_BYTES_MAX {
        return Err(MessageError::Malformed("a manifest larger than any"));
    }
    // openraft takes no snapshot that is newer than its leader.
    if id.last.term > vote.leader_id.term {
        return Err(MessageError::Malformed("a snapshot of a later term than its leader's"));
    }
    if id.origin != envelope.from {
        return Err(MessageError::Malformed("a snapshot of another replica than the one that offers it"));
    }
    Ok((envelope, Offer { vote, id, node, manifest_bytes, total_bytes }))
}

pub(crate) fn offer_answer(answer: &OfferAnswer) -> Bytes {
    let mut out = answer_head(MessageKind::Offer.code());
    match answer {
        OfferAnswer::Waits => out.put_u8(0),
        OfferAnswer::Pulls { bytes } => {
            out.put_u8(1);
            out.put_u64_le(*bytes);
        }
        OfferAnswer::Has { vote } => {
            out.put_u8(2);
            put_vote(&mut out, vote);
        }
        OfferAnswer::HigherVote { vote } => {
            out.put_u8(3);
            put_vote(&mut out, vote);
        }
        OfferAnswer::Failed { reason } => {
            out.put_u8(4);
            out.put_slice(&reason.as_bytes()[..reason.floor_char_boundary(REASON_BYTES_MAX)]);
        }
    }
    out.freeze()
}

pub(crate) fn offer_answer_in(mut bytes: Bytes) -> Result<OfferAnswer, MessageError> {
    take_version_and_kind(&mut bytes, MessageKind::Offer.code())?;
    let answer = match bytes.try_get_u8().map_err(|_| CUT)? {
        0 => OfferAnswer::Waits,
        1 => OfferAnswer::Pulls { bytes: bytes.try_get_u64_le().map_err(|_| CUT)? },
        2 => OfferAnswer::Has { vote: take_vote(&mut bytes)? },
        3 => OfferAnswer::HigherVote { vote: take_vote(&mut bytes)? },
        4 => {
            let reason = String::from_utf8(bytes.split_to(bytes.len()).to_vec());
            OfferAnswer::Failed { reason: reason.map_err(|_| MessageError::Malformed("a reason that is no text"))? }
        }
        _ => return Err(MessageError::Malformed("an outcome of unknown number")),
    };
    at_end(&bytes)?;
    Ok(answer)
}

pub(crate) fn fetch(envelope: Envelope, fetch: &Fetch) -> Bytes {
    let mut out = head(envelope, KIND_FETCH);
    put_id(&mut out, fetch.id);
    out.put_u32_le(match fetch.part {
        Part::Manifest => MANIFEST,
        Part::File(number) => number,
    });
    out.put_u64_le(fetch.offset);
    out.put_u32_le(fetch.bytes);
    out.freeze()
}

pub(crate) fn fetch_in(mut bytes: Bytes) -> Result<(Envelope, Fetch), MessageError> {
    let envelope = take_head(&mut bytes, KIND_FETCH)?;
    let id = take_id(&mut bytes)?;
    let part = match bytes.try_get_u32_le().map_err(|_| CUT)? {
        MANIFEST => Part::Manifest,
        number => Part::File(number),
    };
    let offset = bytes.try_get_u64_le().map_err(|_| CUT)?;
    let wanted = bytes.try_get_u32_le().map_err(|_| CUT)?;
    at_end(&bytes)?;
    if u64::from(wanted) > PIECE_BYTES {
        return Err(MessageError::Malformed("more than a piece is wanted"));
    }
    Ok((envelope, Fetch { id, part, offset, bytes: wanted }))
}

pub(crate) fn fetch_answer(piece: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(2 + piece.len());
    out.put_u8(VERSION);
    out.put_u8(KIND_FETCH);
    out.put_slice(piece);
    out.freeze()
}

/// The piece is a slice of `bytes`.
pub(crate) fn fetch_answer_in(mut bytes: Bytes) -> Result<Bytes, MessageError> {
    take_version_and_kind(&mut bytes, KIND_FETCH)?;
    Ok(bytes)
}

fn answer_head(kind: u8) -> BytesMut {
    let mut out = BytesMut::with_capacity(64);
    out.put_u8(VERSION);
    out.put_u8(kind);
    out
}

fn put_id(out: &mut BytesMut, id: SnapshotId) {
    out.put_u64_le(id.origin.0);
    out.put_u64_le(id.last.term);
    out.put_u64_le(id.last.index);
    out.put_u32_le(id.manifest_crc);
}

fn take_id(bytes: &mut Bytes) -> Result<SnapshotId, MessageError> {
    let origin = ReplicaId(bytes.try_get_u64_le().map_err(|_| CUT)?);
    let term = bytes.try_get_u64_le().map_err(|_| CUT)?;
    let index = bytes.try_get_u64_le().map_err(|_| CUT)?;
    let manifest_crc = bytes.try_get_u32_le().map_err(|_| CUT)?;
    Ok(SnapshotId { origin, last: LogId { term, index }, manifest_crc })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_types::GroupId;
    use proptest::prelude::*;

    prop_compose! {
        fn envelopes()(group: u32, from: u64, to: u64) -> Envelope {
            Envelope { group: GroupId(group), from: ReplicaId(from), to: ReplicaId(to) }
        }
    }

    prop_compose! {
        fn ids()(origin: u64, term in 0u64..1 << 40, index: u64, manifest_crc: u32) -> SnapshotId {
            SnapshotId { origin: ReplicaId(origin), last: LogId { term, index }, manifest_crc }
        }
    }

    fn answers() -> impl Strategy<Value = OfferAnswer> {
        let vote = (any::<u64>(), any::<u64>()).prop_map(|(term, replica)| RaftVote::new(term, replica));
        prop_oneof![
            Just(OfferAnswer::Waits),
            any::<u64>().prop_map(|bytes| OfferAnswer::Pulls { bytes }),
            vote.clone().prop_map(|vote| OfferAnswer::Has { vote }),
            vote.prop_map(|vote| OfferAnswer::HigherVote { vote }),
            "[a-z]{0,50}".prop_map(|reason| OfferAnswer::Failed { reason }),
        ]
    }

    proptest! {
        #[test]
        fn an_offer_reads_back_as_written(envelope in envelopes(), id in ids(), node: u64, total_bytes: u64) {
            let vote = RaftVote::new_committed(1 << 40, 3);
            let envelope = Envelope { from: id.origin, ..envelope };
            let made = Offer { vote, id, node: NodeId(node), manifest_bytes: 77, total_bytes };
            let bytes = offer(envelope, &made);
            for cut in 0..bytes.len() {
                prop_assert!(offer_in(bytes.slice(..cut)).is_err());
            }
            prop_assert_eq!(offer_in(bytes), Ok((envelope, made)));
        }

        #[test]
        fn an_answer_to_an_offer_reads_back_as_written(answer in answers()) {
            prop_assert_eq!(offer_answer_in(offer_answer(&answer)), Ok(answer));
        }

        #[test]
        fn a_fetch_reads_back_as_written(
            envelope in envelopes(), id in ids(), file: Option<u16>, offset: u64, bytes in 0..=PIECE_BYTES as u32,
        ) {
            let part = file.map_or(Part::Manifest, |number| Part::File(u32::from(number)));
            let made = Fetch { id, part, offset, bytes };
            let bytes = fetch(envelope, &made);
            for cut in 0..bytes.len() {
                prop_assert!(fetch_in(bytes.slice(..cut)).is_err());
            }
            prop_assert_eq!(fetch_in(bytes), Ok((envelope, made)));
        }

        #[test]
        fn a_fetched_piece_reads_back_as_written(piece: Vec<u8>) {
            prop_assert_eq!(fetch_answer_in(fetch_answer(&piece)), Ok(Bytes::from(piece)));
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_panic(mut bytes: Vec<u8>, kind in 6u8..8) {
            bytes.splice(0..0, [VERSION, kind]);
            let bytes = Bytes::from(bytes);
            let _ = offer_in(bytes.clone());
            let _ = offer_answer_in(bytes.clone());
            let _ = fetch_in(bytes.clone());
            let _ = fetch_answer_in(bytes);
        }
    }

    #[test]
    fn an_offer_that_no_leader_can_make_is_refused() {
        let id = SnapshotId { origin: ReplicaId(1), last: LogId { term: 8, index: 1 }, manifest_crc: 0 };
        let envelope = Envelope { group: GroupId(1), from: ReplicaId(1), to: ReplicaId(2) };
        let vote = RaftVote::new_committed(7, 1);
        let made = Offer { vote, id, node: NodeId(1), manifest_bytes: 9, total_bytes: 9 };
        assert!(offer_in(offer(envelope, &made)).is_err(), "an entry of term 8 under a leader of term 7");
        let candidate = Offer { vote: RaftVote::new(9, 1), ..made };
        assert!(offer_in(offer(envelope, &candidate)).is_err(), "a candidate offers nothing");
        let of_another = Offer { vote: RaftVote::new_committed(9, 1), ..made };
        assert!(offer_in(offer(envelope, &of_another)).is_ok());
        let envelope = Envelope { from: ReplicaId(3), ..envelope };
        assert!(offer_in(offer(envelope, &of_another)).is_err(), "nobody offers what another one keeps");
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        let reason = "ä".repeat(REASON_BYTES_MAX);
        let answer = offer_answer_in(offer_answer(&OfferAnswer::Failed { reason })).expect("valid text");
        assert!(matches!(answer, OfferAnswer::Failed { reason } if reason.len() == REASON_BYTES_MAX));
    }
}

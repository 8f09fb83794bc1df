//! What replicas answer each other, in bytes; as in `message.rs`.
//!
//! ```text
//! head             version u8 = 1 | kind u8, as in the message
//! vote, pre-vote   head | vote | granted u8 | optional log id: the voter's last
//! append,          head | 0: matched | optional log id
//! heartbeat             | 1: conflict | optional log id, always there
//!                       | 2: higher vote | vote
//! transfer leader  head | 0: taken
//!                       | 1: the vote changed | expected vote | actual vote
//!                       | 2: entries are missing | optional log id expected | optional log id: actual
//! ```

use crate::message::{
    CUT, MessageError, VERSION, at_end, put_optional, put_vote, take_flag, take_optional, take_version_and_kind,
    take_vote,
};
use crate::raft_types::RaftTypes;
use crate::transport::MessageKind;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::raft::{
    StreamAppendError, StreamAppendResult, TransferLeaderError, TransferLeaderResponse, VoteResponse,
};

const UNKNOWN_OUTCOME: MessageError = MessageError::Malformed("an outcome of unknown number");

pub(crate) fn vote_answer(kind: MessageKind, answer: &VoteResponse<RaftTypes>) -> Bytes {
    let mut out = head(kind.code());
    put_vote(&mut out, &answer.vote);
    out.put_u8(u8::from(answer.vote_granted));
    put_optional(&mut out, answer.last_log_id.as_ref());
    out.freeze()
}

pub(crate) fn vote_answer_in(mut bytes: Bytes, kind: MessageKind) -> Result<VoteResponse<RaftTypes>, MessageError> {
    take_version_and_kind(&mut bytes, kind.code())?;
    let vote = take_vote(&mut bytes)?;
    let granted = take_flag(&mut bytes)?;
    let last_log_id = take_optional(&mut bytes)?;
    at_end(&bytes)?;
    Ok(VoteResponse::new(vote, last_log_id, granted))
}

pub(crate) fn append_answer(kind: u8, answer: &StreamAppendResult<RaftTypes>) -> Bytes {
    let mut out = head(kind);
    match answer {
        Ok(matched) => {
            out.put_u8(0);
            put_optional(&mut out, matched.as_ref());
        }
        Err(StreamAppendError::Conflict(at)) => {
            out.put_u8(1);
            put_optional(&mut out, Some(at));
        }
        Err(StreamAppendError::HigherVote(vote)) => {
            out.put_u8(2);
            put_vote(&mut out, vote);
        }
    }
    out.freeze()
}

pub(crate) fn append_answer_in(mut bytes: Bytes, kind: u8) -> Result<StreamAppendResult<RaftTypes>, MessageError> {
    take_version_and_kind(&mut bytes, kind)?;
    let answer = match bytes.try_get_u8().map_err(|_| CUT)? {
        0 => Ok(take_optional(&mut bytes)?),
        1 => match take_optional(&mut bytes)? {
            Some(at) => Err(StreamAppendError::Conflict(at)),
            None => return Err(MessageError::Malformed("a conflict without a place")),
        },
        2 => Err(StreamAppendError::HigherVote(take_vote(&mut bytes)?)),
        _ => return Err(UNKNOWN_OUTCOME),
    };
    at_end(&bytes)?;
    Ok(answer)
}

pub(crate) fn transfer_answer(answer: &TransferLeaderResponse<RaftTypes>) -> Bytes {
    let mut out = head(MessageKind::TransferLeader.code());
    match answer {
        Ok(()) => out.put_u8(0),
        Err(TransferLeaderError::VoteChanged { expected, actual }) => {
            out.put_u8(1);
            put_vote(&mut out, expected);
            put_vote(&mut out, actual);
        }
        Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
            out.put_u8(2);
            put_optional(&mut out, expected.as_ref());
            put_optional(&mut out, actual.as_ref());
        }
    }
    out.freeze()
}

pub(crate) fn transfer_answer_in(mut bytes: Bytes) -> Result<TransferLeaderResponse<RaftTypes>, MessageError> {
    take_version_and_kind(&mut bytes, MessageKind::TransferLeader.code())?;
    let answer = match bytes.try_get_u8().map_err(|_| CUT)? {
        0 => Ok(()),
        1 => {
            let expected = take_vote(&mut bytes)?;
            Err(TransferLeaderError::VoteChanged { expected, actual: take_vote(&mut bytes)? })
        }
        2 => {
            let expected = take_optional(&mut bytes)?;
            Err(TransferLeaderError::LogNotFlushed { expected, actual: take_optional(&mut bytes)? })
        }
        _ => return Err(UNKNOWN_OUTCOME),
    };
    at_end(&bytes)?;
    Ok(answer)
}

fn head(kind: u8) -> BytesMut {
    let mut out = BytesMut::with_capacity(64);
    out.put_u8(VERSION);
    out.put_u8(kind);
    out
}

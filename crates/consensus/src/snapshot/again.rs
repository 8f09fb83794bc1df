//! Messages about snapshots, read and written again, for `fuzzing.rs`.

use super::message::{fetch, fetch_in, offer, offer_answer, offer_answer_in, offer_in};
use crate::message::MessageError;
use bytes::Bytes;

pub(crate) fn offer_again(bytes: &Bytes) -> Result<Bytes, MessageError> {
    offer_in(bytes.clone()).map(|(envelope, made)| offer(envelope, &made))
}

pub(crate) fn offer_answer_again(bytes: &Bytes) -> Result<Bytes, MessageError> {
    offer_answer_in(bytes.clone()).map(|answer| offer_answer(&answer))
}

pub(crate) fn fetch_again(bytes: &Bytes) -> Result<Bytes, MessageError> {
    fetch_in(bytes.clone()).map(|(envelope, made)| fetch(envelope, &made))
}

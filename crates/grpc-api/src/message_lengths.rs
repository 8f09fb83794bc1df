//! How long messages were on the wire, by the frames that pass.
//!
//! What a message is encoded as again may be shorter: fields that this build does not know are gone.
//! Looks at lengths only; whether frames make sense is for their reader to say.

use std::collections::VecDeque;

/// What frames a message: whether it is compressed, and its length. Source: gRPC over HTTP/2,
/// Length-Prefixed-Message.
const PREFIX_BYTES: usize = 5;

/// The messages of one body, in pieces as they come.
#[derive(Debug, Default)]
pub(crate) struct MessageLengths {
    prefix: Vec<u8>,
    /// Bytes of the message at hand that have not come.
    missing: usize,
    /// Of messages that nobody has asked for: those that have begun.
    begun: VecDeque<usize>,
}

impl MessageLengths {
    /// The next piece of the body.
    pub fn pass(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let passed = self.missing.min(piece.len());
            self.missing -= passed;
            piece = &piece[passed..];
            let (prefix, rest) = piece.split_at(piece.len().min(PREFIX_BYTES - self.prefix.len()));
            self.prefix.extend_from_slice(prefix);
            piece = rest;
            if let Ok([_, length @ ..]) = <[u8; PREFIX_BYTES]>::try_from(&self.prefix[..]) {
                self.missing = u32::from_be_bytes(length) as usize;
                self.begun.push_back(PREFIX_BYTES + self.missing);
                self.prefix.clear();
            }
        }
    }

    /// Bytes of the next message, with its frame; none when no other one has begun.
    pub fn next(&mut self) -> Option<usize> {
        self.begun.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_the_same_whatever_the_pieces_are() {
        let body = [&[0, 0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0, 0], &[1, 0, 0, 1, 0], &[7; 256], &[0, 0]].concat();
        for size in [1, 2, 3, 5, 7, 100, body.len()] {
            let mut lengths = MessageLengths::default();
            body.chunks(size).for_each(|piece| lengths.pass(piece));
            let told: Vec<usize> = std::iter::from_fn(|| lengths.next()).collect();
            assert_eq!(told, [8, 5, 261], "in pieces of {size}");
        }
    }

    #[test]
    fn a_message_is_told_once_it_has_begun() {
        let mut lengths = MessageLengths::default();
        lengths.pass(&[0, 0, 0, 0]);
        assert_eq!(lengths.next(), None);
        lengths.pass(&[9, b'a']);
        assert_eq!((lengths.next(), lengths.next()), (Some(14), None));
    }
}

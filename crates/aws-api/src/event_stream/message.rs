//! One message of an event stream, as bytes.
//!
//! ```text
//! total length u32 | headers length u32 | CRC-32 of these 8 bytes
//!   | headers | payload | CRC-32 of all before
//! header = length of name u8 | name | type u8 = 7 (text) | length of value u16 | value
//! ```
//! All integers big-endian. Source: the event stream encoding that AWS publishes.

use super::crc32::crc32;
use bytes::Bytes;

/// Bytes of the two lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 4;
/// The type of a header whose value is a text.
const TEXT: u8 = 7;

/// A message in the making: its headers are written, its payload is to be appended.
pub(crate) struct Message {
    bytes: Vec<u8>,
    headers_bytes: usize,
}

impl Message {
    /// A message with these headers and room for so many bytes of payload.
    ///
    /// # Panics
    /// When a name or a value is too long for its length: they are ours, and short.
    pub(crate) fn new(headers: &[(&str, &str)], payload_bytes: usize) -> Self {
        let of_header = |(name, value): &(&str, &str)| 1 + name.len() + 1 + 2 + value.len();
        let headers_bytes = headers.iter().map(of_header).sum::<usize>();
        let mut bytes = Vec::with_capacity(PRELUDE_BYTES + headers_bytes + payload_bytes + CHECKSUM_BYTES);
        bytes.extend_from_slice(&[0; PRELUDE_BYTES]);
        for (name, value) in headers {
            bytes.push(u8::try_from(name.len()).expect("the names of our headers are short"));
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(TEXT);
            let length = u16::try_from(value.len()).expect("the values of our headers are short");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        Message { bytes, headers_bytes }
    }

    /// Where the payload is appended.
    pub(crate) fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The whole message.
    ///
    /// # Panics
    /// When it has 4 GiB: an event is limited far below that.
    pub(crate) fn finish(self) -> Bytes {
        let Message { mut bytes, headers_bytes } = self;
        let length = |bytes: usize| u32::try_from(bytes).expect("an event is far below 4 GiB").to_be_bytes();
        let of_message = length(bytes.len() + CHECKSUM_BYTES);
        bytes[0..4].copy_from_slice(&of_message);
        bytes[4..8].copy_from_slice(&length(headers_bytes));
        let of_lengths = crc32(&bytes[..8]);
        bytes[8..12].copy_from_slice(&of_lengths.to_be_bytes());
        let of_all = crc32(&bytes);
        bytes.extend_from_slice(&of_all.to_be_bytes());
        Bytes::from(bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message as a client reads it.
    #[derive(Debug, PartialEq, Eq)]
    pub(crate) struct Read {
        pub(crate) headers: Vec<(String, String)>,
        pub(crate) payload: Vec<u8>,
    }

    impl Read {
        pub(crate) fn header(&self, name: &str) -> Option<&str> {
            self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
        }
    }

    fn number(bytes: &[u8]) -> usize {
        bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    /// Reads the first message and gives the rest; none while it is not whole.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Read, &[u8])> {
        if bytes.len() < PRELUDE_BYTES || bytes.len() < number(&bytes[..4]) {
            return None;
        }
        let (message, rest) = bytes.split_at(number(&bytes[..4]));
        assert_eq!(crc32(&message[..8]) as usize, number(&message[8..12]), "the checksum of the lengths");
        let (all, checksum) = message.split_at(message.len() - CHECKSUM_BYTES);
        assert_eq!(crc32(all) as usize, number(checksum), "the checksum of the message");
        let (mut headers, payload) = all[PRELUDE_BYTES..].split_at(number(&message[4..8]));
        let mut read = Read { headers: Vec::new(), payload: payload.to_vec() };
        while let [length, more @ ..] = headers {
            let (name, more) = more.split_at(usize::from(*length));
            assert_eq!(more[0], TEXT);
            let (value, more) = more[3..].split_at(number(&more[1..3]));
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a text");
            read.headers.push((text(name), text(value)));
            headers = more;
        }
        Some((read, rest))
    }

    #[test]
    fn an_empty_message_has_the_published_bytes() {
        let empty = Message::new(&[], 0).finish();
        assert_eq!(&empty[..], b"\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff");
    }

    #[test]
    fn a_message_with_a_payload_has_the_published_bytes() {
        let mut message = Message::new(&[], 13);
        message.payload().extend_from_slice(b"{'foo':'bar'}");
        assert_eq!(&message.finish()[..], b"\0\0\0\x1d\0\0\0\0\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36");
    }

    proptest! {
        #[test]
        fn a_message_reads_back_as_it_was_written(
            headers in prop::collection::vec(("[!-~]{1,40}", "\\PC{0,80}"), 0..5),
            payload in prop::collection::vec(any::<u8>(), 0..3_000),
        ) {
            let texts: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let mut message = Message::new(&texts, payload.len());
            message.payload().extend_from_slice(&payload);
            let bytes = message.finish();
            prop_assert_eq!(read(&bytes), Some((Read { headers, payload }, &[][..])));
        }
    }
}

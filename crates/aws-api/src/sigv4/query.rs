//! A query string as pairs of decoded bytes, and its canonical form.
//!
//! `+` is a plus sign here, not a space: signers write a space as `%20`.

/// The pairs in the order of the request. A `%` that two hex digits do not follow stands for
/// itself, so that every query has exactly one reading.
pub(super) struct Query {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Query {
    /// Reads what follows the `?`.
    pub(super) fn read(text: &str) -> Self {
        let pieces = text.split('&').filter(|piece| !piece.is_empty());
        let pairs = pieces.map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(name.as_bytes()), decode(value.as_bytes()))
        });
        Query { pairs: pairs.collect() }
    }

    /// The values of every pair called `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.pairs.iter().filter(move |(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// Whether a pair is called `name`, with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Encoded and sorted by name, then value, without the pairs called `omitted`.
    /// Source: AWS Signature Version 4, canonical query string.
    pub(super) fn canonical(&self, omitted: &str) -> Vec<u8> {
        let kept = self.pairs.iter().filter(|(name, _)| name != omitted.as_bytes());
        let mut encoded: Vec<(Vec<u8>, Vec<u8>)> = kept.map(|(name, value)| (encode(name), encode(value))).collect();
        encoded.sort_unstable();
        let pieces: Vec<Vec<u8>> = encoded.into_iter().map(|(name, value)| [name, value].join(&b'=')).collect();
        pieces.join(&b'&')
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986, with upper-case digits.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte);
        } else {
            encoded.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
    encoded
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.push(high << 4 | low);
            rest = after;
            continue;
        }
        decoded.push(*first);
        rest = tail;
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        String::from_utf8(Query::read(text).canonical("X-Amz-Signature")).expect("encoded text is ASCII")
    }

    #[test]
    fn repeated_keys_are_all_kept_and_sorted_by_value() {
        assert_eq!(canonical("b=2&a=z&b=10&a="), "a=&a=z&b=10&b=2");
    }

    #[test]
    fn names_sort_by_their_encoded_form_and_not_by_the_whole_pair() {
        assert_eq!(canonical("a-b=1&a=2&A=3"), "A=3&a=2&a-b=1");
    }

    #[test]
    fn a_key_without_a_value_gets_an_equals_sign() {
        assert_eq!(canonical("acl&&x"), "acl=&x=");
    }

    #[test]
    fn each_octet_has_one_encoding() {
        assert_eq!(canonical("k=%7e%2f+%zz%"), "k=~%2F%2B%25zz%25");
        assert_eq!(canonical("%6b=\u{1234}"), "k=%E1%88%B4");
    }

    #[test]
    fn the_signature_itself_is_left_out() {
        assert_eq!(canonical("X-Amz-Signature=1&a=b&X-Amz-Signature=2"), "a=b");
    }
}

//! Shard iterators: a position in a shard and when it was issued.
//!
//! ```text
//! contents = version u8 = 1 | stream uid u64 | shard u32 | counter u64 | issued ms u64 | stream name
//! ```
//! All integers little-endian. The uid is the stream's incarnation: an iterator of a deleted
//! stream does not read its namesake (D17).

use super::seal::{self, NotAToken, Purpose, Unopened};
use anabranch_catalog::{TokenKey, TokenKeys};
use anabranch_runtime::Random;
use anabranch_types::{Counter, ShardId, StreamName, StreamUid, Timestamp};
use bytes::{Buf, BufMut};

const VERSION: u8 = 1;

/// What is inside a shard iterator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub stream: StreamUid,
    /// For messages; the uid decides.
    pub name: StreamName,
    pub shard: ShardId,
    /// The first counter not read yet.
    pub next: Counter,
    pub issued: Timestamp,
}

impl Position {
    pub(crate) fn seal(&self, key: &TokenKey, random: &dyn Random) -> String {
        let mut contents = Vec::with_capacity(29 + self.name.as_str().len());
        contents.put_u8(VERSION);
        contents.put_u64_le(self.stream.0);
        contents.put_u32_le(self.shard.0);
        contents.put_u64_le(self.next.bits());
        contents.put_u64_le(self.issued.as_millis());
        contents.put_slice(self.name.as_str().as_bytes());
        seal::seal(Purpose::Iterator, &contents, key, random)
    }

    /// # Errors
    /// [`Unopened`] when `text` was not sealed as an iterator by a key that is valid at `now`.
    pub(crate) fn open(text: &str, keys: &TokenKeys, now: Timestamp) -> Result<Self, Unopened> {
        let contents = seal::open(Purpose::Iterator, text, keys, now)?;
        let mut rest = &contents[..];
        if rest.remaining() < 29 || rest.get_u8() != VERSION {
            return Err(NotAToken.into());
        }
        Ok(Position {
            stream: StreamUid(rest.get_u64_le()),
            shard: ShardId(rest.get_u32_le()),
            next: Counter::from_bits(rest.get_u64_le()).ok_or(NotAToken)?,
            issued: Timestamp::from_millis(rest.get_u64_le()),
            name: std::str::from_utf8(rest).ok().and_then(|n| StreamName::new(n).ok()).ok_or(NotAToken)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_catalog::TokenSecret;
    use anabranch_runtime::SeededRandom;
    use proptest::prelude::*;

    const NOT_A_TOKEN: Result<Position, Unopened> = Err(Unopened::NotAToken(NotAToken));

    fn key(id: u32) -> TokenKey {
        TokenKey { id, secret: TokenSecret::new([id as u8; 32]), made: Timestamp::EPOCH }
    }

    fn keys(current: u32) -> TokenKeys {
        TokenKeys { current: key(current), previous: (current > 1).then(|| key(current - 1)) }
    }

    fn open(text: &str, keys: &TokenKeys) -> Result<Position, Unopened> {
        Position::open(text, keys, Timestamp::from_millis(1_000))
    }

    fn position() -> Position {
        Position {
            stream: StreamUid(7),
            name: StreamName::new(&"n".repeat(128)).expect("valid"),
            shard: ShardId(3),
            next: Counter::new(0, 99, 5),
            issued: Timestamp::from_millis(1_000),
        }
    }

    #[test]
    fn an_iterator_opens_under_the_current_and_the_previous_key() {
        let token = position().seal(&key(1), &SeededRandom::new(1));
        assert!(token.len() <= 512, "an iterator has at most 512 characters");
        assert_eq!(open(&token, &keys(2)), Ok(position()));
        assert_eq!(open(&token, &keys(1)), Ok(position()));
    }

    #[test]
    fn an_iterator_of_a_forgotten_key_has_expired() {
        let token = position().seal(&key(1), &SeededRandom::new(1));
        assert!(matches!(open(&token, &keys(3)), Err(Unopened::KeyPast(_))));
    }

    #[test]
    fn an_iterator_of_another_secret_or_of_a_key_never_made_does_not_open() {
        let never_made = position().seal(&key(4), &SeededRandom::new(1));
        assert_eq!(open(&never_made, &keys(3)), NOT_A_TOKEN);
        let token = position().seal(&key(1), &SeededRandom::new(1));
        let forged = TokenKey { secret: TokenSecret::new([9; 32]), ..key(1) };
        assert_eq!(open(&token, &TokenKeys { current: forged, previous: None }), NOT_A_TOKEN);
    }

    #[test]
    fn a_page_token_does_not_open_as_an_iterator() {
        let page = seal::seal(Purpose::Page, &[1; 40], &key(1), &SeededRandom::new(1));
        assert_eq!(open(&page, &keys(1)), NOT_A_TOKEN);
    }

    proptest! {
        #[test]
        fn a_changed_or_cut_iterator_does_not_open(at in 0usize..200, bit in 0u8..8) {
            let mut token = position().seal(&key(1), &SeededRandom::new(1)).into_bytes();
            let at = at % token.len();
            token[at] ^= 1 << bit;
            if let Ok(text) = std::str::from_utf8(&token) {
                prop_assert_eq!(open(text, &keys(1)), NOT_A_TOKEN);
            }
            let whole = position().seal(&key(1), &SeededRandom::new(1));
            prop_assert_eq!(open(&whole[..at], &keys(1)), NOT_A_TOKEN);
        }

        #[test]
        fn any_text_is_refused_without_panic(text in ".{0,600}") {
            prop_assert_eq!(open(&text, &keys(1)), NOT_A_TOKEN);
        }
    }
}

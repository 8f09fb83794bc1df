//! Page tokens of ListShards, ListStreams and ListStreamConsumers.
//!
//! ```text
//! contents = version u8 = 1 | kind u8 | issued ms u64 | rest
//!   kind 1, shards   stream uid u64 | after u32 | as of ms u64 | filter u8 | filter value u64
//!   kind 2, streams  the name the page starts after
//!   kind 3, consumers  stream uid u64 | the name the page starts after
//! ```
//! All integers little-endian. Filters: 1 after shard id, 2 at trim horizon, 3 from trim horizon,
//! 4 at latest, 5 at timestamp, 6 from timestamp.

use super::seal::{self, NotAToken, Purpose, Unopened};
use anabranch_api::{ApiError, messages};
use anabranch_catalog::{ShardFilter, TokenKey, TokenKeys};
use anabranch_runtime::Random;
use anabranch_types::{ConsumerName, ShardId, StreamName, StreamUid, Timestamp, limits};
use bytes::{Buf, BufMut};

const VERSION: u8 = 1;
const KIND_SHARDS: u8 = 1;
const KIND_STREAMS: u8 = 2;
const KIND_CONSUMERS: u8 = 3;

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// Shards of a stream that `filter` selects as of the first page's moment, after a shard.
    Shards { stream: StreamUid, after: ShardId, as_of: Timestamp, filter: ShardFilter },
    /// An account's streams after a name.
    Streams { after: StreamName },
    /// A stream's consumers after a name.
    Consumers { stream: StreamUid, after: ConsumerName },
}

/// A cursor and when its token was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub issued: Timestamp,
    pub cursor: Cursor,
}

impl Page {
    pub(crate) fn seal(&self, key: &TokenKey, random: &dyn Random) -> String {
        let mut contents = vec![VERSION];
        match &self.cursor {
            Cursor::Shards { stream, after, as_of, filter } => {
                contents.put_u8(KIND_SHARDS);
                contents.put_u64_le(self.issued.as_millis());
                contents.put_u64_le(stream.0);
                contents.put_u32_le(after.0);
                contents.put_u64_le(as_of.as_millis());
                let (kind, value) = filter_out(*filter);
                contents.put_u8(kind);
                contents.put_u64_le(value);
            }
            Cursor::Streams { after } => {
                contents.put_u8(KIND_STREAMS);
                contents.put_u64_le(self.issued.as_millis());
                contents.put_slice(after.as_str().as_bytes());
            }
            Cursor::Consumers { stream, after } => {
                contents.put_u8(KIND_CONSUMERS);
                contents.put_u64_le(self.issued.as_millis());
                contents.put_u64_le(stream.0);
                contents.put_slice(after.as_str().as_bytes());
            }
        }
        seal::seal(Purpose::Page, &contents, key, random)
    }

    /// # Errors
    /// [`Unopened`] when `text` was not sealed as a page token by a key that is valid at `now`.
    pub(crate) fn open(text: &str, keys: &TokenKeys, now: Timestamp) -> Result<Self, Unopened> {
        let contents = seal::open(Purpose::Page, text, keys, now)?;
        let mut rest = &contents[..];
        if rest.remaining() < 10 || rest.get_u8() != VERSION {
            return Err(NotAToken.into());
        }
        let kind = rest.get_u8();
        let issued = Timestamp::from_millis(rest.get_u64_le());
        let cursor = match kind {
            KIND_SHARDS if rest.remaining() == 29 => Cursor::Shards {
                stream: StreamUid(rest.get_u64_le()),
                after: ShardId(rest.get_u32_le()),
                as_of: Timestamp::from_millis(rest.get_u64_le()),
                filter: filter_in(rest.get_u8(), rest.get_u64_le())?,
            },
            KIND_STREAMS => {
                let name = std::str::from_utf8(rest).map_err(|_| NotAToken)?;
                Cursor::Streams { after: StreamName::new(name).map_err(|_| NotAToken)? }
            }
            KIND_CONSUMERS if rest.remaining() > 8 => {
                let stream = StreamUid(rest.get_u64_le());
                let name = std::str::from_utf8(rest).map_err(|_| NotAToken)?;
                Cursor::Consumers { stream, after: ConsumerName::new(name).map_err(|_| NotAToken)? }
            }
            _ => return Err(NotAToken.into()),
        };
        Ok(Page { issued, cursor })
    }
}

/// The cursor in a client's page token.
///
/// # Errors
/// `ExpiredNextToken` when it is older than [`limits::NEXT_TOKEN_VALID`] or so old that its key is
/// gone; `InvalidArgument` when it is no page token.
pub(crate) fn open_cursor(token: &str, keys: &TokenKeys, now: Timestamp) -> Result<Cursor, ApiError> {
    match Page::open(token, keys, now) {
        Ok(page) if now > page.issued.plus(limits::NEXT_TOKEN_VALID) => Err(messages::next_token_expired()),
        Ok(page) => Ok(page.cursor),
        Err(Unopened::KeyPast(_)) => Err(messages::next_token_expired()),
        Err(Unopened::NotAToken(_)) => Err(messages::invalid_next_token()),
    }
}

fn filter_out(filter: ShardFilter) -> (u8, u64) {
    match filter {
        ShardFilter::AfterShardId(id) => (1, u64::from(id.0)),
        ShardFilter::AtTrimHorizon => (2, 0),
        ShardFilter::FromTrimHorizon => (3, 0),
        ShardFilter::AtLatest => (4, 0),
        ShardFilter::AtTimestamp(at) => (5, at.as_millis()),
        ShardFilter::FromTimestamp(at) => (6, at.as_millis()),
    }
}

fn filter_in(kind: u8, value: u64) -> Result<ShardFilter, NotAToken> {
    match kind {
        1 => u32::try_from(value).map(|id| ShardFilter::AfterShardId(ShardId(id))).map_err(|_| NotAToken),
        2 => Ok(ShardFilter::AtTrimHorizon),
        3 => Ok(ShardFilter::FromTrimHorizon),
        4 => Ok(ShardFilter::AtLatest),
        5 => Ok(ShardFilter::AtTimestamp(Timestamp::from_millis(value))),
        6 => Ok(ShardFilter::FromTimestamp(Timestamp::from_millis(value))),
        _ => Err(NotAToken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_catalog::TokenSecret;
    use anabranch_runtime::SeededRandom;
    use proptest::prelude::*;

    fn keys() -> TokenKeys {
        let current = TokenKey { id: 1, secret: TokenSecret::new([3; 32]), made: Timestamp::EPOCH };
        TokenKeys { current, previous: None }
    }

    proptest! {
        #[test]
        fn a_page_of_consumers_opens_as_it_was_sealed(uid: u64, name in "[a-zA-Z0-9_.-]{1,128}", issued in 0u64..1 << 40) {
            let cursor = Cursor::Consumers { stream: StreamUid(uid), after: ConsumerName::new(&name).expect("valid") };
            let page = Page { issued: Timestamp::from_millis(issued), cursor };
            let token = page.seal(&keys().current, &SeededRandom::new(uid));
            prop_assert_eq!(Page::open(&token, &keys(), Timestamp::EPOCH), Ok(page));
        }

        #[test]
        fn a_page_of_shards_opens_as_it_was_sealed(uid: u64, after in 0u32..1 << 31, kind in 1u8..7, value in 0u64..1 << 31) {
            let filter = filter_in(kind, value).expect("known kind");
            let as_of = Timestamp::from_millis(value / 2);
            let cursor = Cursor::Shards { stream: StreamUid(uid), after: ShardId(after), as_of, filter };
            let page = Page { issued: Timestamp::from_millis(value), cursor };
            let token = page.seal(&keys().current, &SeededRandom::new(uid));
            prop_assert_eq!(Page::open(&token, &keys(), Timestamp::EPOCH), Ok(page));
        }
    }

    #[test]
    fn a_page_of_a_forgotten_key_has_expired() {
        let cursor = Cursor::Streams { after: StreamName::new("orders").expect("valid") };
        let token = Page { issued: Timestamp::EPOCH, cursor }.seal(&keys().current, &SeededRandom::new(1));
        let key = |id: u32| TokenKey { id, ..keys().current };
        let later = TokenKeys { current: key(3), previous: Some(key(2)) };
        assert_eq!(open_cursor(&token, &later, Timestamp::EPOCH), Err(messages::next_token_expired()));
    }

    #[test]
    fn a_page_of_streams_opens_as_it_was_sealed() {
        let cursor = Cursor::Streams { after: StreamName::new("orders").expect("valid") };
        let page = Page { issued: Timestamp::from_millis(5), cursor };
        let token = page.seal(&keys().current, &SeededRandom::new(1));
        assert_eq!(Page::open(&token, &keys(), Timestamp::EPOCH), Ok(page));
    }
}

//! The keys that seal iterators and page tokens (D17).
//!
//! Every gateway opens every other gateway's tokens, so the keys live in the catalog. Their
//! bytes come with the command: nothing here makes randomness.

use crate::codec::fields;
use crate::limits::{PREVIOUS_TOKEN_KEY_VALID, TOKEN_KEY_SPREAD};
use anabranch_types::Timestamp;
use std::fmt;

/// 32 secret bytes. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret {
    bytes: [u8; 32],
}

impl TokenSecret {
    /// `bytes` come from the proposer's random source.
    pub fn new(bytes: [u8; 32]) -> Self {
        TokenSecret { bytes }
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

fields!(TokenSecret { bytes });

/// One key; tokens name it by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// Counts from 1; each rotation makes the next.
    pub id: u32,
    /// What seals and opens.
    pub secret: TokenSecret,
    /// When it came into use.
    pub made: Timestamp,
}

fields!(TokenKey { id, secret, made });

/// What became of the key of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFound<'k> {
    /// It opens tokens.
    Valid(&'k TokenKey),
    /// It was replaced and its time is over; it sealed its last token before `sealed_until`.
    Past {
        /// The latest moment at which it may have sealed.
        sealed_until: Timestamp,
    },
    /// No key of this id was made.
    NeverMade,
}

/// The newest key, and the one before it that still opens for ten minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKeys {
    /// Opens tokens, and seals them once it has spread; `current.id = previous.id + 1`.
    pub current: TokenKey,
    /// The key before; none until the first rotation.
    pub previous: Option<TokenKey>,
}

fields!(TokenKeys { current, previous });

impl TokenKeys {
    /// The end of the previous key's time: ten minutes after the current key was made. None
    /// when there is no previous key.
    pub fn previous_valid_until(&self) -> Option<Timestamp> {
        self.previous.as_ref().map(|_| self.current.made.plus(PREVIOUS_TOKEN_KEY_VALID))
    }

    /// The key that seals tokens as of `now`: the previous one in the first minute after a
    /// rotation, then the current one.
    ///
    /// A gateway whose catalog lags by less than that minute therefore opens every token that
    /// the others seal.
    pub fn sealing(&self, now: Timestamp) -> &TokenKey {
        let spread = now >= self.current.made.plus(TOKEN_KEY_SPREAD);
        self.previous.as_ref().filter(|_| !spread).unwrap_or(&self.current)
    }

    /// What is known at `now` of the key that tokens name by `id`.
    ///
    /// Tokens live for less than a key opens after its rotation, so whoever holds a token of a key
    /// that is past holds an expired one, whatever is in it.
    pub fn find(&self, id: u32, now: Timestamp) -> KeyFound<'_> {
        if id == 0 || id > self.current.id {
            return KeyFound::NeverMade;
        }
        let replaced = match &self.previous {
            _ if id == self.current.id => return KeyFound::Valid(&self.current),
            Some(previous) if previous.id == id => {
                if now < self.current.made.plus(PREVIOUS_TOKEN_KEY_VALID) {
                    return KeyFound::Valid(previous);
                }
                self.current.made
            }
            // Older ones were replaced when the previous key was made, or before.
            Some(previous) => previous.made,
            None => self.current.made,
        };
        KeyFound::Past { sealed_until: replaced.plus(TOKEN_KEY_SPREAD) }
    }
}

//! Brings a new token key into use (D17).

use crate::apply::Apply;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::token_key::{TokenKey, TokenKeys, TokenSecret};
use anabranch_types::Timestamp;

/// The current key becomes the previous one and opens tokens for ten minutes more. The same
/// secret again changes nothing, so the command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotateTokenKey {
    /// The new key, from the proposer's random source.
    pub secret: TokenSecret,
    /// The proposer's time.
    pub now: Timestamp,
}

fields!(RotateTokenKey { secret, now });

/// The key is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenKeyRotated {
    /// The id that tokens sealed with it carry.
    pub id: u32,
}

fields!(TokenKeyRotated { id });

/// The keys stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotateTokenKeyRefused {
    /// There is no cluster yet.
    #[error("the cluster is not bootstrapped")]
    NotBootstrapped,
    /// Tokens of the previous key may still be in use; a rotation would forget it.
    #[error("the previous token key is valid until {until}")]
    TooSoon {
        /// When it may be forgotten.
        until: Timestamp,
    },
}

variants!(RotateTokenKeyRefused { 1 => NotBootstrapped {}, 2 => TooSoon { until } });

impl Command for RotateTokenKey {
    const KIND: CommandKind = CommandKind::RotateTokenKey;
    type Done = TokenKeyRotated;
    type Refused = RotateTokenKeyRefused;
}

impl Apply for RotateTokenKey {
    fn apply(self, edit: &mut Edit<'_>) -> Result<TokenKeyRotated, RotateTokenKeyRefused> {
        let keys = edit.catalog().token_keys().ok_or(RotateTokenKeyRefused::NotBootstrapped)?;
        if keys.current.secret == self.secret {
            return Ok(TokenKeyRotated { id: keys.current.id });
        }
        if let Some(until) = keys.previous_valid_until().filter(|until| self.now < *until) {
            return Err(RotateTokenKeyRefused::TooSoon { until });
        }
        let previous = keys.current.clone();
        let id = previous.id + 1;
        // A clock behind the last rotation's must not shorten the previous key's ten minutes.
        let made = self.now.max(previous.made);
        let current = TokenKey { id, secret: self.secret, made };
        edit.put_token_keys(TokenKeys { current, previous: Some(previous) });
        Ok(TokenKeyRotated { id })
    }
}

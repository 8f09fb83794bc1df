//! Seals short byte strings with a key of the catalog.
//!
//! ```text
//! token = base64 of: version u8 = 1 | key id u32 LE | nonce 12 | AES-256-GCM(contents) | tag 16
//! ```
//! Version, key id and the token's purpose are authenticated, so that a page token never opens
//! as an iterator.

use anabranch_catalog::{KeyFound, TokenKey, TokenKeys};
use anabranch_runtime::Random;
use anabranch_types::Timestamp;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

const VERSION: u8 = 1;
const HEAD: usize = 1 + 4;
const TAG: usize = 16;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A shard iterator.
    Iterator,
    /// The next page of a list.
    Page,
}

/// The text is no token of this cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this cluster")]
pub(crate) struct NotAToken;

/// The token names a key that is past, and with it every token of that key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token of a key that sealed until {sealed_until}")]
pub(crate) struct KeyPast {
    /// The token was issued before then.
    pub sealed_until: Timestamp,
}

/// Why a token does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unopened {
    /// Nobody here sealed it, or it was changed.
    #[error(transparent)]
    NotAToken(#[from] NotAToken),
    /// It has expired. Nothing else about it was checked: what could check it is gone.
    #[error(transparent)]
    KeyPast(#[from] KeyPast),
}

/// Seals `contents` under `key`.
pub(crate) fn seal(purpose: Purpose, contents: &[u8], key: &TokenKey, random: &dyn Random) -> String {
    let mut nonce = [0u8; NONCE_LEN];
    random.fill(&mut nonce);
    let mut token = Vec::with_capacity(HEAD + NONCE_LEN + contents.len() + TAG);
    token.push(VERSION);
    token.extend_from_slice(&key.id.to_le_bytes());
    let aad = associated(purpose, &token);
    token.extend_from_slice(&nonce);
    let mut sealed = contents.to_vec();
    cipher(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
        .expect("contents are far below the cipher's limit");
    token.extend_from_slice(&sealed);
    base64_simd::STANDARD.encode_to_string(token)
}

/// The contents of `text`, if one of `keys` that is valid at `now` sealed it for `purpose`.
///
/// # Errors
/// [`KeyPast`] when it names a key whose time is over, so that a client that slept over a rotation
/// hears of an expired token; [`NotAToken`] for anything else, which part is wrong is not told.
pub(crate) fn open(purpose: Purpose, text: &str, keys: &TokenKeys, now: Timestamp) -> Result<Vec<u8>, Unopened> {
    let token = base64_simd::STANDARD.decode_to_vec(text).map_err(|_| NotAToken)?;
    if token.len() < HEAD + NONCE_LEN + TAG || token[0] != VERSION {
        return Err(NotAToken.into());
    }
    let id = u32::from_le_bytes(token[1..HEAD].try_into().expect("four bytes"));
    let key = match keys.find(id, now) {
        KeyFound::Valid(key) => key,
        KeyFound::Past { sealed_until } => return Err(KeyPast { sealed_until }.into()),
        KeyFound::NeverMade => return Err(NotAToken.into()),
    };
    let aad = associated(purpose, &token[..HEAD]);
    let nonce = Nonce::try_assume_unique_for_key(&token[HEAD..HEAD + NONCE_LEN]).map_err(|_| NotAToken)?;
    let mut sealed = token[HEAD + NONCE_LEN..].to_vec();
    let contents = cipher(key).open_in_place(nonce, Aad::from(aad), &mut sealed).map_err(|_| NotAToken)?;
    Ok(contents.to_vec())
}

fn cipher(key: &TokenKey) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.secret.bytes()).expect("a sealing key has 32 bytes"))
}

fn associated(purpose: Purpose, head: &[u8]) -> [u8; HEAD + 1] {
    let mut aad = [0u8; HEAD + 1];
    aad[..HEAD].copy_from_slice(head);
    aad[HEAD] = match purpose {
        Purpose::Iterator => 1,
        Purpose::Page => 2,
    };
    aad
}

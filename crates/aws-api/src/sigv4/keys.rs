//! Signing keys, derived once per access key, day and region.
//!
//! A derived key needs four chained HMACs. It is kept only after a signature made with it was
//! good, so nobody without a secret can fill the cache.

use super::credentials::SecretKey;
use super::scope::{SERVICE, Scope};
use anabranch_types::Region;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Keys kept at most. Beyond it all are dropped and derived again: a door that sees so many
/// access keys within one day pays four HMACs a request for a moment.
const KEYS_MAX: usize = 4096;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Name {
    access_key: String,
    region: Region,
}

struct Kept {
    day: String,
    /// What the key was derived from: a changed secret must not find the old key.
    secret: SecretKey,
    key: Key,
}

/// The cache. One entry per access key and region, that of the newest day.
#[derive(Default)]
pub(super) struct SigningKeys {
    kept: Mutex<HashMap<Name, Kept>>,
}

impl SigningKeys {
    /// The key for `scope`, from the cache or derived.
    pub(super) fn get(&self, secret: &SecretKey, scope: &Scope) -> Key {
        let kept = self.kept.lock();
        match kept.get(&name_of(scope)) {
            Some(found) if found.day == scope.day && found.secret == *secret => found.key.clone(),
            _ => {
                drop(kept);
                derive(secret, scope)
            }
        }
    }

    /// Keeps `key`, with which a signature was good.
    pub(super) fn keep(&self, secret: &SecretKey, scope: &Scope, key: Key) {
        let mut kept = self.kept.lock();
        let name = name_of(scope);
        if kept.get(&name).is_some_and(|found| found.day == scope.day && found.secret == *secret) {
            return;
        }
        if kept.len() >= KEYS_MAX && !kept.contains_key(&name) {
            kept.clear();
        }
        kept.insert(name, Kept { day: scope.day.clone(), secret: secret.clone(), key });
    }
}

fn name_of(scope: &Scope) -> Name {
    Name { access_key: scope.access_key.clone(), region: scope.region.clone() }
}

/// Source: AWS Signature Version 4, deriving the signing key.
pub(super) fn derive(secret: &SecretKey, scope: &Scope) -> Key {
    let start = Key::new(HMAC_SHA256, &[b"AWS4", secret.as_bytes()].concat());
    let parts = [scope.day.as_str(), scope.region.as_str(), SERVICE, "aws4_request"];
    parts.iter().fold(start, |key, part| Key::new(HMAC_SHA256, sign(&key, part.as_bytes()).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(access_key: &str, day: &str) -> Scope {
        let date = format!("{day}T000000Z");
        Scope::read(&format!("{access_key}/{day}/us-east-1/kinesis/aws4_request"), &date, None).expect("scope is valid")
    }

    fn tag(key: &Key) -> Vec<u8> {
        sign(key, b"message").as_ref().to_vec()
    }

    #[test]
    fn a_kept_key_is_the_derived_key() {
        let (keys, secret, scope) = (SigningKeys::default(), SecretKey::new("s"), scope("A", "20130524"));
        let derived = keys.get(&secret, &scope);
        keys.keep(&secret, &scope, derived.clone());
        assert_eq!(tag(&keys.get(&secret, &scope)), tag(&derived));
        assert_eq!(keys.kept.lock().len(), 1);
    }

    #[test]
    fn a_changed_secret_and_another_day_derive_anew() {
        let (keys, scope) = (SigningKeys::default(), scope("A", "20130524"));
        let old = keys.get(&SecretKey::new("old"), &scope);
        keys.keep(&SecretKey::new("old"), &scope, old.clone());
        assert_ne!(tag(&keys.get(&SecretKey::new("new"), &scope)), tag(&old));
        assert_ne!(tag(&keys.get(&SecretKey::new("old"), &self::scope("A", "20130525"))), tag(&old));
    }

    #[test]
    fn the_cache_never_outgrows_its_bound() {
        let (keys, secret) = (SigningKeys::default(), SecretKey::new("s"));
        let key = Key::new(HMAC_SHA256, b"any");
        for index in 0..=KEYS_MAX {
            keys.keep(&secret, &scope(&format!("A{index}"), "20130524"), key.clone());
        }
        assert_eq!(keys.kept.lock().len(), 1);
    }
}

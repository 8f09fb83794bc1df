//! A secret that no log, error or debug output shows.

use serde::de::{Deserializer, Error, Visitor};
use std::fmt;

/// The secret half of a credential: 1 to 128 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`; none when it is empty or longer than 128 bytes.
    pub fn new(text: &str) -> Option<Self> {
        (1..=128).contains(&text.len()).then(|| Secret(text.to_owned()))
    }

    /// The secret itself, for signing only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Refuses other kinds without repeating the value, which serde does unless told.
struct SecretVisitor;

const NOT_TEXT: &str = "a secret is a text in quotes";

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NOT_TEXT)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Secret::new(text).ok_or_else(|| E::custom("a secret has 1 to 128 bytes"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(NOT_TEXT))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom(NOT_TEXT))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom(NOT_TEXT))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom(NOT_TEXT))
    }
}

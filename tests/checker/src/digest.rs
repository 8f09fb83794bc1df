//! Short stand-ins for texts, so that a history of millions fits in memory.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The same for the same text within one run.
pub(crate) fn of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

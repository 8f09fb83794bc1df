//! The catalog's invariants, each verified from the whole state.

mod cluster;
mod lineage;
mod streams;

use crate::catalog::Catalog;

/// An invariant does not hold: the catalog must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("catalog invariant broken: {rule}: {detail}")]
pub struct Violation {
    /// What must hold.
    pub rule: &'static str,
    /// The values that break it.
    pub detail: String,
}

impl Catalog {
    /// Verifies every invariant; costs time in proportion to the whole catalog. Nothing in it
    /// panics, whatever the state.
    ///
    /// # Errors
    /// [`Violation`] for the first invariant that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        cluster::check(self)?;
        streams::check(self)?;
        self.map.streams().try_for_each(|stream| lineage::check(stream))
    }
}

/// Refuses with `detail` unless `holds`.
fn ensure(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, detail: detail() }) }
}

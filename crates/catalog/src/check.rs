//! The catalog's invariants, each verified from the whole state.

mod cluster;
mod consumers;
mod lineage;
mod reshard;
mod retention;
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
        self.map.streams().try_for_each(|stream| {
            lineage::check(stream)?;
            reshard::check(self, stream)?;
            retention::check(stream)?;
            consumers::check(stream)
        })
    }
}

impl Catalog {
    /// Verifies that what counts up has room for what a cluster does in its life, so that apply never lacks a number.
    ///
    /// # Errors
    /// [`Violation`] for a counter that no history brings so far.
    pub(crate) fn check_room(&self) -> Result<(), Violation> {
        let counters = &self.counters;
        let wide = [
            counters.map_version.0,
            counters.changed_at,
            counters.next_node.0,
            counters.next_replica.0,
            counters.next_stream.0,
        ];
        let token_key = self.token_keys.as_ref().map_or(1, |keys| keys.current.id);
        let has_room = wide.into_iter().all(|next| next <= WIDE_MAX)
            && [counters.next_group.0, token_key].into_iter().all(|next| next <= NARROW_MAX);
        ensure(has_room, "numbers are left to hand out", || format!("{counters:?}, token key {token_key}"))
    }
}

/// Node ids of a bootstrap go to 2^63; the rest counts from 1.
const WIDE_MAX: u64 = u64::MAX - (1 << 32);
/// As [`WIDE_MAX`], of numbers of 32 bits.
const NARROW_MAX: u32 = u32::MAX - (1 << 16);

/// Refuses with `detail` unless `holds`.
fn ensure(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, detail: detail() }) }
}

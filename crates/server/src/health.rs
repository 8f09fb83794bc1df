//! Whether this node has started, can serve now, and lives: three different questions.
//!
//! The parts of the node tell; `pages.rs` shows. Nothing here asks peers or the disk.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a node is in its life. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Phase {
    /// Opening its directory, replaying its log.
    #[default]
    Starting,
    /// Up: every part has started.
    Serving,
    /// Finishing what it has begun; takes nothing new.
    Draining,
}

/// The node's health, shared by all its parts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// Whether it ever served: a node may be told to drain before.
    started: bool,
    /// Parts that cannot serve now, and why.
    unready: BTreeMap<&'static str, String>,
}

/// The answer to one of the questions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Verdict {
    /// Yes or no.
    pub ok: bool,
    /// Why not; empty for yes.
    pub reasons: Vec<String>,
}

impl Health {
    /// A node that is starting.
    pub fn new() -> Self {
        Health::default()
    }

    /// Moves on to `phase`. A phase that has passed does not come back: a node that was told
    /// to drain while it started stays draining.
    pub fn enter(&self, phase: Phase) {
        let mut state = self.state.lock();
        state.started |= phase == Phase::Serving;
        state.phase = state.phase.max(phase);
    }

    /// Where the node is now.
    pub fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// `part` cannot serve now, for `reason`; replaces what it said before.
    pub fn unready(&self, part: &'static str, reason: impl Into<String>) {
        self.state.lock().unready.insert(part, reason.into());
    }

    /// `part` can serve.
    pub fn ready(&self, part: &'static str) {
        self.state.lock().unready.remove(part);
    }

    /// Has the node started? Stays yes until the process ends.
    pub fn has_started(&self) -> Verdict {
        let state = self.state.lock();
        match (state.started, state.phase) {
            (true, _) => Verdict::yes(),
            (false, Phase::Draining) => Verdict::no("the node was told to stop before it had started"),
            (false, Phase::Starting | Phase::Serving) => Verdict::no("the node is starting"),
        }
    }

    /// Can the node serve now? No as soon as it drains, so that no new clients are sent to it.
    pub fn is_ready(&self) -> Verdict {
        let state = self.state.lock();
        match state.phase {
            Phase::Starting => Verdict::no("the node is starting"),
            Phase::Draining => Verdict::no("the node is draining"),
            Phase::Serving => {
                let reasons: Vec<_> = state.unready.iter().map(|(part, reason)| format!("{part}: {reason}")).collect();
                Verdict { ok: reasons.is_empty(), reasons }
            }
        }
    }

    /// Does the process answer? Yes, since it does. Never looks at peers or the disk: losing a
    /// quorum must not restart the survivors.
    pub fn is_alive(&self) -> Verdict {
        Verdict::yes()
    }
}

impl Verdict {
    fn yes() -> Self {
        Verdict { ok: true, reasons: Vec::new() }
    }

    fn no(reason: &str) -> Self {
        Verdict { ok: false, reasons: vec![reason.to_owned()] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Started, ready, alive.
    fn answers(health: &Health) -> (bool, bool, bool) {
        (health.has_started().ok, health.is_ready().ok, health.is_alive().ok)
    }

    #[test]
    fn a_node_is_started_then_ready_then_only_alive() {
        let health = Health::new();
        assert_eq!(answers(&health), (false, false, true));
        health.enter(Phase::Serving);
        assert_eq!(answers(&health), (true, true, true));
        health.enter(Phase::Draining);
        assert_eq!(answers(&health), (true, false, true));
    }

    #[test]
    fn a_node_that_is_told_to_stop_while_it_starts_has_not_started() {
        let health = Health::new();
        health.enter(Phase::Draining);
        assert_eq!(answers(&health), (false, false, true));
    }

    #[test]
    fn a_draining_node_does_not_serve_again() {
        let health = Health::new();
        health.enter(Phase::Draining);
        health.enter(Phase::Serving);
        assert_eq!(health.phase(), Phase::Draining);
    }

    #[test]
    fn every_part_that_cannot_serve_is_named_with_its_reason() {
        let health = Health::new();
        health.enter(Phase::Serving);
        health.unready("storage", "group 3 has no leader");
        health.unready("gateway", "no shard map");
        health.unready("gateway", "the shard map is old");
        assert_eq!(health.is_ready().reasons, ["gateway: the shard map is old", "storage: group 3 has no leader"]);
        health.ready("gateway");
        health.ready("storage");
        assert!(health.is_ready().ok);
    }
}

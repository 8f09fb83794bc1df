//! One direction between two nodes: how fast bytes pass, and whether they do.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How fast bytes pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// Each byte takes that long.
    pub delay: Duration,
    /// And up to that much more. Bytes never overtake each other.
    pub jitter: Duration,
    /// Of one connection; none is as many as there are.
    pub bytes_per_second: Option<NonZeroU64>,
}

/// Why no byte passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// They go on when healed.
    Stalled,
    /// Connections are reset when healed: their ends have lost track of each other.
    Cut,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    pace: Pace,
    held: Option<Held>,
    /// How often connections were reset.
    resets: u64,
}

/// One direction. Whoever carries bytes looks at it before each piece.
#[derive(Debug, Default)]
pub struct Link {
    state: watch::Sender<State>,
    connections: AtomicU64,
    bytes: AtomicU64,
}

impl Link {
    /// Bytes that come from now on pass at this pace.
    pub fn set(&self, pace: Pace) {
        self.state.send_modify(|state| state.pace = pace);
    }

    /// Holds bytes until [`Link::heal`]. A cut stays one.
    pub fn stall(&self) {
        self.state.send_modify(|state| state.held = state.held.or(Some(Held::Stalled)));
    }

    /// Holds bytes for good: [`Link::heal`] resets the connections.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.held = Some(Held::Cut));
    }

    /// Resets the connections that there are.
    pub fn reset(&self) {
        self.state.send_modify(|state| state.resets += 1);
    }

    /// Bytes pass again, as fast as they can.
    pub fn heal(&self) {
        self.state.send_modify(|state| {
            let was_cut = state.held == Some(Held::Cut);
            *state = State { resets: state.resets + u64::from(was_cut), ..State::default() };
        });
    }

    /// How fast bytes pass now.
    pub(crate) fn pace(&self) -> Pace {
        self.state.borrow().pace
    }

    /// Waits until bytes pass. Safe to drop and call again.
    pub(crate) async fn open(&self) {
        // The sender is this link itself.
        let _ = self.state.subscribe().wait_for(|state| state.held.is_none()).await;
    }

    /// Which resets a connection that begins now does not have to heed.
    pub(crate) fn resets(&self) -> u64 {
        self.state.borrow().resets
    }

    /// Waits for a reset after those that [`Link::resets`] has told.
    pub(crate) async fn reset_after(&self, known: u64) {
        let _ = self.state.subscribe().wait_for(|state| state.resets > known).await;
    }

    pub(crate) fn note_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Connections that have begun, and bytes that have arrived.
    pub fn carried(&self) -> (u64, u64) {
        (self.connections.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

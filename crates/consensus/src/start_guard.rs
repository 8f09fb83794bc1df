//! For a while after its start a replica neither grants votes nor asks for them (D1).
//!
//! A leader's lease counts on each replica that answered it to keep from electing another for one
//! `election_max`. openraft forgets on a restart when it last heard its leader; so the replica
//! behaves as if that had been just before its start. Elections that the leader itself asked
//! for are not held up.

use std::time::Duration;
use tokio::time::Instant;

/// When the replica may take part in elections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartGuard {
    until: Option<Instant>,
}

impl StartGuard {
    /// For a replica that starts now and may have answered a leader before. `lease` is the
    /// longest that a leader counts on an answer.
    pub(crate) fn after_restart(lease: Duration) -> Self {
        StartGuard { until: Some(Instant::now() + lease) }
    }

    /// For a replica that never voted, so that it never answered a leader either.
    pub(crate) fn none() -> Self {
        StartGuard { until: None }
    }

    /// How much longer it keeps out, if at all.
    pub(crate) fn left(self) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Waits until it may take part. Cancel-safe.
    pub(crate) async fn passed(self) {
        if let Some(until) = self.until {
            tokio::time::sleep_until(until).await;
        }
    }
}

//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// Far above what anything here needs; it only ends a test that hangs.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Asks `condition` again and again until it gives something, at most for [`PATIENCE`].
///
/// # Panics
/// When the time is over; the message says `what` did not come.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        // Leaves the cores to the process that is waited for.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lets `time` pass and looks at something each second. For proofs of what happens while nothing
/// happens; never to wait for anything.
pub fn pass(time: Duration, mut look: impl FnMut()) {
    let ends = Instant::now() + time;
    while Instant::now() < ends {
        std::thread::sleep(Duration::from_secs(1).min(ends.saturating_duration_since(Instant::now())));
        look();
    }
}

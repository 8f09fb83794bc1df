//! The deadline of the call that is being made, from the router to the node that is called.
//!
//! The traits of the roles take no deadline, because a role on this node needs none: the router
//! drops its future. A role on another node is told, so that it stops as well.

use std::future::Future;
use std::time::Duration;

tokio::task_local! {
    static DEADLINE: Duration;
}

/// Runs `call`, in which [`left`] counts down to `deadline`, in time since node start.
pub(crate) async fn until<T>(deadline: Duration, call: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, call).await
}

/// What is left at `now` of the call that this runs in; none outside of a call.
pub(crate) fn left(now: Duration) -> Option<Duration> {
    DEADLINE.try_with(|deadline| deadline.saturating_sub(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_left_is_known_inside_of_a_call_only() {
        assert_eq!(left(Duration::ZERO), None);
        let inside = until(Duration::from_secs(5), async { left(Duration::from_secs(2)) }).await;
        assert_eq!(inside, Some(Duration::from_secs(3)));
        let late = until(Duration::from_secs(5), async { left(Duration::from_secs(7)) }).await;
        assert_eq!(late, Some(Duration::ZERO));
    }
}

//! The life of a running node: until a signal or a failure, then drain, then out.
//!
//! Knows nothing of the node's parts: the assembly hands in how to drain them.

mod signals;

pub use signals::{Signals, StopSignal};

use crate::health::{Health, Phase};
use anabranch_runtime::{Clock, Stragglers, TaskFailure, TaskGroup};
use std::future::Future;
use std::time::Duration;

/// Why a node ended other than by a clean stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part that the node cannot do without has failed; the rest was drained.
    #[error(transparent)]
    TaskFailed(#[from] TaskFailure),
    /// A second signal came while the node drained; it was obeyed at once.
    #[error("stopped by a second {0} before the node had drained")]
    StoppedTwice(StopSignal),
}

/// What `start` gives; none when a signal came before. What has started then is left to be
/// drained.
pub async fn start_unless_stopped<T>(signals: &mut Signals, start: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        signal = signals.next() => {
            tracing::info!(%signal, "the node is told to stop while it starts");
            None
        }
        started = start => Some(started),
    }
}

/// Runs until a signal comes or a task of `tasks` fails, then drains as [`drain_unless_hurried`]
/// does.
///
/// # Errors
/// [`RunError`].
pub async fn run_until_stopped<D, F>(
    mut signals: Signals,
    tasks: &TaskGroup,
    health: &Health,
    drain_timeout: Duration,
    drain: D,
) -> Result<(), RunError>
where
    D: FnOnce(Duration) -> F,
    F: Future<Output = Result<(), Stragglers>>,
{
    let failure = tokio::select! {
        signal = signals.next() => {
            tracing::info!(%signal, "the node is told to stop");
            None
        }
        failure = tasks.failure() => Some(failure),
    };
    drain_unless_hurried(&mut signals, health, drain_timeout, drain).await?;
    failure.map_or(Ok(()), |failure| Err(RunError::TaskFailed(failure)))
}

/// Drains: readiness goes first, then `drain` stops the parts in its order within
/// `drain_timeout`. A drain that does not finish is warned of and no error: to the data it is a
/// crash, which loses nothing (I1).
///
/// # Errors
/// [`RunError::StoppedTwice`] at the next signal.
pub async fn drain_unless_hurried<D, F>(
    signals: &mut Signals,
    health: &Health,
    drain_timeout: Duration,
    drain: D,
) -> Result<(), RunError>
where
    D: FnOnce(Duration) -> F,
    F: Future<Output = Result<(), Stragglers>>,
{
    health.enter(Phase::Draining);
    tokio::select! {
        drained = drain(drain_timeout) => match drained {
            Ok(()) => tracing::info!("the node has drained"),
            Err(stragglers) => tracing::warn!(%stragglers, "the node has not drained in time"),
        },
        signal = signals.next() => return Err(RunError::StoppedTwice(signal)),
    }
    Ok(())
}

/// Shuts down `groups` one after the other, all within `deadline`. Each gets what the ones
/// before it have left; the last ones are told to stop even when nothing is left.
///
/// # Errors
/// [`Stragglers`] names the tasks of all groups that did not end in time.
pub async fn shut_down_in_order(clock: &dyn Clock, groups: &[TaskGroup], deadline: Duration) -> Result<(), Stragglers> {
    let ends_at = clock.monotonic() + deadline;
    let mut left = Vec::new();
    for group in groups {
        if let Err(Stragglers(names)) = group.shutdown(ends_at.saturating_sub(clock.monotonic())).await {
            left.extend(names);
        }
    }
    if left.is_empty() { Ok(()) } else { Err(Stragglers(left)) }
}

#[cfg(test)]
mod tests;

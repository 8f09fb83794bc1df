//! How tasks fail, and who learns of it.

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// What a task's failure means for the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The node cannot go on without it: the tree's [`crate::TaskGroup::failure`] resolves
    /// and the assembly stops the node in order.
    ShutDown,
    /// Only this task's work is lost; a warning tells of it.
    Log,
}

/// A task that the node cannot do without has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task {task} of {group} failed: {cause}")]
pub struct TaskFailure {
    /// The task's name.
    pub task: &'static str,
    /// The name of its group.
    pub group: &'static str,
    /// What happened.
    pub cause: FailureCause,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FailureCause {
    /// It returned an error; its text.
    #[error("{0}")]
    Error(String),
    /// It panicked; the panic's message.
    #[error("panic: {0}")]
    Panic(String),
}

/// Holds the first failure that was reported and wakes whoever waits for one.
#[derive(Default)]
pub(super) struct FirstFailure {
    failure: Mutex<Option<TaskFailure>>,
    reported: CancellationToken,
}

impl FirstFailure {
    /// Keeps `failure` unless there was one before.
    pub(super) fn report(&self, failure: TaskFailure) {
        self.failure.lock().get_or_insert(failure);
        self.reported.cancel();
    }

    /// Waits for a failure. Cancel-safe.
    pub(super) async fn wait(&self) -> TaskFailure {
        self.reported.cancelled().await;
        self.failure.lock().clone().expect("reported is cancelled after the failure is kept")
    }
}

//! The only way to start tasks: named, watched, and stopped in order.
//!
//! A group's tasks end together. Groups form a tree, so that a node stops its doors before
//! its storage: each part gets a child group, and the assembly shuts the children down in the
//! order it writes. A task learns that it is to end from [`TaskGroup::stopping`]; nothing is
//! interrupted before the deadline of [`TaskGroup::shutdown`] has passed.

mod failure;
mod outcome;
mod registry;

pub use failure::{FailureCause, OnFailure, TaskFailure};
pub use outcome::TaskOutcome;

use failure::FirstFailure;
use futures::FutureExt;
use outcome::panic_message;
use parking_lot::Mutex;
use registry::{Entry, Registry};
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Target of the span that carries a task's name. It lives as long as its task, so exporters
/// of traces leave it out.
pub const TASK_SPAN_TARGET: &str = "anabranch::task";

/// A handle to a set of tasks that stop together. Cheap to clone.
#[derive(Clone)]
pub struct TaskGroup {
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    stopping: CancellationToken,
    registry: Arc<Registry>,
    /// Shared by the whole tree.
    first_failure: Arc<FirstFailure>,
    children: Mutex<Vec<Weak<Inner>>>,
}

/// Tasks that had not ended when the deadline passed. Async ones are aborted at their next
/// await; threads cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tasks did not end in time: {}", .0.join(", "))]
pub struct Stragglers(pub Vec<String>);

impl TaskGroup {
    /// The root of a tree; the process has one, a simulated node has one.
    pub fn root(name: &'static str) -> Self {
        TaskGroup::new(name, CancellationToken::new(), Arc::new(FirstFailure::default()))
    }

    /// A group that stops before or with this one. Its failures are the tree's.
    pub fn child(&self, name: &'static str) -> Self {
        let child = TaskGroup::new(name, self.inner.stopping.child_token(), Arc::clone(&self.inner.first_failure));
        let mut children = self.inner.children.lock();
        children.retain(|known| known.strong_count() > 0);
        children.push(Arc::downgrade(&child.inner));
        child
    }

    fn new(name: &'static str, stopping: CancellationToken, first_failure: Arc<FirstFailure>) -> Self {
        let inner = Inner { name, stopping, registry: Arc::default(), first_failure, children: Mutex::default() };
        TaskGroup { inner: Arc::new(inner) }
    }

    /// Starts `future` as a task of this group. Its failure, by error or by panic, is logged
    /// once and met as `on_failure` says. Once the group is stopping, `future` is dropped
    /// without being polled.
    ///
    /// # Panics
    /// Outside of an async runtime.
    pub fn spawn<F>(&self, name: &'static str, on_failure: OnFailure, future: F)
    where
        F: Future<Output: TaskOutcome> + Send + 'static,
    {
        let Some(entry) = self.inner.enter(name) else { return };
        let id = entry.id();
        let span = tracing::info_span!(target: TASK_SPAN_TARGET, parent: None, "task", name);
        let group = Arc::clone(&self.inner);
        let task = async move {
            let entry = entry;
            let result = AssertUnwindSafe(future).catch_unwind().await;
            group.ended(entry, on_failure, result.map(TaskOutcome::into_result));
        };
        let handle = tokio::spawn(task.instrument(span));
        self.inner.registry.set_abort_handle(id, handle.abort_handle());
    }

    /// Starts `work` on a thread of its own: for work that blocks and lasts as long as the
    /// group, such as the writer of a log. `work` must watch [`TaskGroup::stopping`] or end
    /// when its queue closes; a thread cannot be aborted.
    pub fn spawn_thread<W, O>(&self, name: &'static str, on_failure: OnFailure, work: W)
    where
        W: FnOnce() -> O + Send + 'static,
        O: TaskOutcome,
    {
        let Some(entry) = self.inner.enter(name) else { return };
        let group = Arc::clone(&self.inner);
        let thread = move || {
            let _span = tracing::info_span!(target: TASK_SPAN_TARGET, parent: None, "task", name).entered();
            let result = std::panic::catch_unwind(AssertUnwindSafe(work));
            group.ended(entry, on_failure, result.map(TaskOutcome::into_result));
        };
        if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(thread) {
            self.inner.failed(name, on_failure, FailureCause::Error(format!("no thread: {error}")));
        }
    }

    /// Cancelled when the group is to stop. Tasks wait for it in their `select!`.
    pub fn stopping(&self) -> CancellationToken {
        self.inner.stopping.clone()
    }

    /// Waits for the first failure, anywhere in the tree, of a task that the process cannot
    /// do without. Cancel-safe.
    pub async fn failure(&self) -> TaskFailure {
        self.inner.first_failure.wait().await
    }

    /// How many tasks run now, in this group and below it.
    pub fn running(&self) -> usize {
        self.inner.with_descendants().iter().map(|group| group.registry.running()).sum()
    }

    /// Tells the group and all below it to stop, takes no new tasks, and waits for the running
    /// ones at most `deadline`. Calling it again waits again.
    ///
    /// # Errors
    /// [`Stragglers`] names the tasks that were left; they have been told to abort.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), Stragglers> {
        self.inner.stopping.cancel();
        // A group that is added from now on is born stopping and starts nothing, so the list
        // holds all that have tasks.
        let groups = self.inner.with_descendants();
        for group in &groups {
            group.registry.close();
        }
        let all_ended = futures::future::join_all(groups.iter().map(|group| group.registry.empty()));
        if tokio::time::timeout(deadline, all_ended).await.is_ok() {
            return Ok(());
        }
        let left = groups.iter().flat_map(|group| group.registry.abort_all());
        Err(Stragglers(left.map(str::to_owned).collect()))
    }
}

impl Inner {
    /// Takes a place among the running tasks; none when the group is stopping.
    fn enter(&self, name: &'static str) -> Option<Entry> {
        let entry = if self.stopping.is_cancelled() { None } else { Registry::enter(&self.registry, name) };
        if entry.is_none() {
            tracing::debug!(task = name, group = self.name, "task not started, its group is stopping");
        }
        entry
    }

    /// Records how a task ended and gives up its place, in this order: when the group is
    /// empty, every failure is known.
    fn ended(&self, entry: Entry, on_failure: OnFailure, result: std::thread::Result<Result<(), String>>) {
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.failed(entry.name(), on_failure, FailureCause::Error(error)),
            Err(panic) => self.failed(entry.name(), on_failure, FailureCause::Panic(panic_message(panic.as_ref()))),
        }
        drop(entry);
    }

    fn failed(&self, task: &'static str, on_failure: OnFailure, cause: FailureCause) {
        let failure = TaskFailure { task, group: self.name, cause };
        match on_failure {
            OnFailure::ShutDown => {
                tracing::error!(task, group = self.name, cause = %failure.cause, "task failed, the node shuts down");
                self.first_failure.report(failure);
            }
            OnFailure::Log => {
                tracing::warn!(task, group = self.name, cause = %failure.cause, "task failed");
            }
        }
    }

    /// This group and all below it.
    fn with_descendants(self: &Arc<Self>) -> Vec<Arc<Inner>> {
        let mut found = vec![Arc::clone(self)];
        let mut next = 0;
        while next < found.len() {
            let children: Vec<_> = found[next].children.lock().iter().filter_map(Weak::upgrade).collect();
            found.extend(children);
            next += 1;
        }
        found
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskGroup({}, {} running)", self.inner.name, self.running())
    }
}

#[cfg(test)]
mod tests;

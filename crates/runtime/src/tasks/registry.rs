//! The running tasks of one group.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Who runs, and whether more may start.
#[derive(Default)]
pub(super) struct Registry {
    tracker: TaskTracker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    next_id: u64,
    running: BTreeMap<u64, Running>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Closed,
    Aborted,
}

struct Running {
    name: &'static str,
    /// None for a thread, and for a task in the instant between its entry and its start.
    abort: Option<AbortHandle>,
}

/// A running task's place; dropped when the task ends or is aborted.
pub(super) struct Entry {
    registry: Arc<Registry>,
    id: u64,
    name: &'static str,
    /// Dropped after the place was given up, so an empty tracker means an empty registry.
    _token: TaskTrackerToken,
}

impl Entry {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.registry.state.lock().running.remove(&self.id);
    }
}

impl Registry {
    /// Takes a place; none when the registry is closed.
    pub(super) fn enter(registry: &Arc<Registry>, name: &'static str) -> Option<Entry> {
        let mut state = registry.state.lock();
        if state.phase != Phase::Open {
            return None;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.running.insert(id, Running { name, abort: None });
        Some(Entry { registry: Arc::clone(registry), id, name, _token: registry.tracker.token() })
    }

    /// Makes the task abortable. One that has ended meanwhile is left alone; one that was to
    /// be aborted meanwhile is.
    pub(super) fn set_abort_handle(&self, id: u64, abort: AbortHandle) {
        let mut state = self.state.lock();
        if state.phase == Phase::Aborted {
            abort.abort();
        }
        if let Some(running) = state.running.get_mut(&id) {
            running.abort = Some(abort);
        }
    }

    /// Lets no more tasks in.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closed;
        }
        self.tracker.close();
    }

    /// Waits until no task runs; to be called on a closed registry. Cancel-safe.
    pub(super) async fn empty(&self) {
        self.tracker.wait().await;
    }

    /// How many tasks run now.
    pub(super) fn running(&self) -> usize {
        self.state.lock().running.len()
    }

    /// Aborts what can be aborted; the names of all that still ran, oldest first.
    pub(super) fn abort_all(&self) -> Vec<&'static str> {
        let (names, handles): (Vec<_>, Vec<_>) = {
            let mut state = self.state.lock();
            state.phase = Phase::Aborted;
            state.running.values().map(|running| (running.name, running.abort.clone())).unzip()
        };
        // Outside of the lock: aborting may drop the task here, and with it its entry.
        handles.into_iter().flatten().for_each(|handle| handle.abort());
        names
    }
}

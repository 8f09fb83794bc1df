//! Everything a part of the node takes from the outside world, in one value.

use crate::fs::{Fs, StdFs};
use crate::{Clock, DiskRoom, OsRandom, Random, SeededRandom, SimulatedClock, SystemClock, TaskGroup, TrustedWall};
use anabranch_types::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The outside world of one node (D12). Cheap to clone; a part of the node that starts tasks
/// gets one with a task group of its own ([`Env::in_group`]).
#[derive(Clone)]
pub struct Env {
    /// Wall time and monotonic time.
    pub clock: Arc<dyn Clock>,
    /// Wall time that is fit to be stamped on records; see [`Env::now`].
    pub wall: Arc<TrustedWall>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// Files and directories.
    pub fs: Arc<dyn Fs>,
    /// How much room there is for files.
    pub disk_room: DiskRoom,
    /// Where tasks are started.
    pub tasks: TaskGroup,
}

impl Env {
    /// The machine's own clock, randomness and disk.
    pub fn system() -> Self {
        Env {
            clock: Arc::new(SystemClock::new()),
            wall: Arc::default(),
            random: Arc::new(OsRandom),
            fs: Arc::new(StdFs),
            disk_room: DiskRoom::new(),
            tasks: TaskGroup::root("node"),
        }
    }

    /// A world that repeats itself for the same `seed`: time is the async runtime's, which
    /// tests pause and simulations drive, and starts at `wall`. Files are the machine's own
    /// until [`Env::with_fs`] hands in others.
    pub fn simulated(wall: Timestamp, seed: u64) -> Self {
        Env {
            clock: Arc::new(SimulatedClock::starting_at(wall)),
            wall: Arc::default(),
            random: Arc::new(SeededRandom::new(seed)),
            fs: Arc::new(StdFs),
            disk_room: DiskRoom::new(),
            tasks: TaskGroup::root("node"),
        }
    }

    /// The same world, with other files.
    pub fn with_fs(self, fs: Arc<dyn Fs>) -> Self {
        Env { fs, ..self }
    }

    /// The same world, with tasks in a child group named `name`.
    pub fn in_group(&self, name: &'static str) -> Self {
        Env { tasks: self.tasks.child(name), ..self.clone() }
    }

    /// The time to stamp on records and requests: the wall clock's, unless it jumped lately.
    pub fn now(&self) -> Timestamp {
        self.wall.now(&*self.clock)
    }

    /// Waits for `span` of the async runtime's time, which tests may pause. Cancel-safe.
    pub async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("clock", &self.clock).field("tasks", &self.tasks).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OnFailure;

    #[tokio::test(start_paused = true)]
    async fn sleeps_and_clock_of_a_simulated_world_agree() {
        let env = Env::simulated(Timestamp::from_millis(1_742_000_000_000), 1);
        env.sleep(Duration::from_secs(3600)).await;
        assert_eq!(env.clock.monotonic(), Duration::from_secs(3600));
        assert_eq!(env.clock.wall(), Timestamp::from_millis(1_742_003_600_000));
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_of_a_named_world_end_with_the_whole() {
        let env = Env::simulated(Timestamp::EPOCH, 1);
        let doors = env.in_group("doors");
        let stopping = doors.tasks.stopping();
        doors.tasks.spawn("listener", OnFailure::ShutDown, async move { stopping.cancelled().await });
        assert_eq!(env.tasks.shutdown(Duration::from_secs(1)).await, Ok(()));
    }
}

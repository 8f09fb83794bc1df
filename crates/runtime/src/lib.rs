//! Time, randomness, disk, tasks and a budget of memory, handed in from outside (D12).
//!
//! Code above this floor never asks the operating system for any of them; lints forbid it.
#![allow(
    clippy::disallowed_methods,
    reason = "the real clock, randomness and tasks live here, for all others to be handed in"
)]

mod backoff;
mod blocking;
mod clock;
mod clock_jump;
mod disk_room;
mod env;
pub mod fs;
mod memory;
#[cfg(feature = "planted-bugs")]
pub mod planted;
mod random;
mod tasks;
mod trusted_wall;

pub use backoff::{Backoff, BackoffLimits};
pub use blocking::{BlockingInPlace, blocking};
pub use clock::{Clock, ManualClock, SimulatedClock, SystemClock};
pub use clock_jump::{ClockJump, JUMP_TOLERATED, Jump, SETTLED_AFTER, STRAY_TOLERATED, Trust};
pub use disk_room::DiskRoom;
pub use env::Env;
pub use memory::{BudgetSpent, Charge, ClientWait, MemoryBudget, MemoryUse, SLOW_AFTER, answer_cost};
pub use random::{OsRandom, Random, SeededRandom};
pub use tasks::{FailureCause, OnFailure, Stragglers, TASK_SPAN_TARGET, TaskFailure, TaskGroup, TaskOutcome};
pub use trusted_wall::TrustedWall;

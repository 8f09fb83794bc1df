//! Time, randomness, disk and tasks, handed in from outside (D12).
//!
//! Code above this floor never asks the operating system for any of them; lints forbid it.

pub mod fs;

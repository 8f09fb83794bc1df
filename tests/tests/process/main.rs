//! Proofs about whole processes: the real binary under bad input, on a full disk, under kill -9
//! and with nothing to do.
#![allow(clippy::disallowed_methods, reason = "real processes live in real time")]

mod attack;
mod bad_input;
mod bad_signatures;
mod disk_full;
mod idle;
mod kills;
mod small_disk;

//! The state machine of a group, without log and disk.

mod codecs;
mod commands;
mod determinism;
mod records;
mod world;

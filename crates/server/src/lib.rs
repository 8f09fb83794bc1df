//! The assembly: what the binary `anabranch` is made of, config → build → run → drain.
//!
//! Composes the rooms below and decides nothing that they could.

pub mod cli;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod health;
pub mod listeners;
mod metrics;
pub mod node;
pub mod open_files;
pub mod operations;
pub mod pages;
pub mod parent;
pub mod run;
pub mod status;

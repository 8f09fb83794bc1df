//! What the command line can ask for, one file per command.

pub mod serve;
pub mod status;

//! What the command line can ask for, one file per command.

pub mod dev_cluster;
pub mod serve;
pub mod status;

//! Operations on records.

mod arrival;
pub(crate) mod backlog;
pub(crate) mod get_records;
pub(crate) mod get_shard_iterator;
pub(crate) mod parking;
pub(crate) mod put_record;
pub(crate) mod put_records;
mod route;

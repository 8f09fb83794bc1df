//! The service trait, served over a catalog and storage of the tests' own.

mod paging;
mod record_size;
mod resharding;
mod retention;
mod sequence_numbers;
mod statuses;
mod tokens;
mod world;

//! The service trait, served over a catalog and storage of the tests' own.

mod consumers;
mod leader;
mod paging;
mod record_size;
mod resharding;
mod retention;
mod sequence_numbers;
mod statuses;
mod subscriptions;
mod tags;
mod tokens;
mod world;

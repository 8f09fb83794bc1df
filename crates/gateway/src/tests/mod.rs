//! The service trait, served over a catalog and storage of the tests' own.

mod consumers;
mod paging;
mod sequence_numbers;
mod statuses;
mod subscriptions;
mod tokens;
mod world;

//! The service trait, served over a catalog and storage of the tests' own.

mod leader;
mod paging;
mod sequence_numbers;
mod statuses;
mod tags;
mod tokens;
mod world;

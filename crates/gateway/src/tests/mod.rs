//! The service trait, served over a catalog and storage of the tests' own.

mod sequence_numbers;
mod tokens;
mod world;

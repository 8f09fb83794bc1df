//! The service trait, served over a catalog and storage of the tests' own.

mod tokens;
mod world;

//! One file for each area of the broker.

pub mod catalog;

//! The API model of the service, and the two checks that it drives: types, then constraints.
//!
//! Source: `model/kinesis-api.json`, the service description that AWS publishes with botocore;
//! where recorded answers of the service differ from it, `recorded.rs` says so. Knows nothing
//! about what the operations do.

mod blob;
mod constraints;
mod document;
mod load;
mod pattern;
mod print;
mod read;
mod recorded;
mod shape;
mod type_error;
mod well_formed;

pub(crate) use constraints::{absent, check};
pub(crate) use document::{Document, Fields};
pub(crate) use load::MODEL;
pub(crate) use read::read;
#[cfg(any(test, feature = "bad-inputs"))]
pub(crate) use shape::{Bounds, Kind, Presence, Shape, Structure};
pub(crate) use well_formed::is_well_formed;

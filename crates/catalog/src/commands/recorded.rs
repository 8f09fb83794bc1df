//! What commands of membership answer when they have nothing else to say.

use crate::codec::fields;
use anabranch_types::MapVersion;

/// The catalog has the change, from this command or from an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// A map version that has it.
    pub version: MapVersion,
}

fields!(Recorded { version });

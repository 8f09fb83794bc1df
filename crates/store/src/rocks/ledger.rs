//! The store's own records: format version, and which engine family holds which bucket.
//!
//! ```text
//! family "default"  b"format"              -> version u32
//!                   b"family/" number u64  -> state u8 (1 live, 2 dropped) | bucket u32
//! family "meta"     the owner's metadata
//! family "f<number, 16 hex digits>"  one bucket, or an empty spare
//! ```
//! Numbers are big-endian. A number is given to a family once and never means another bucket
//! while a record names it.

use rocksdb::IteratorMode;

use super::Db;

/// The engine's family that holds these records.
pub(super) const LEDGER_FAMILY: &str = rocksdb::DEFAULT_COLUMN_FAMILY_NAME;
/// The engine's family that holds the owner's metadata.
pub(super) const META_FAMILY: &str = "meta";
/// Key of the format version.
pub(super) const FORMAT_KEY: &[u8] = b"format";
const RECORD_PREFIX: &[u8] = b"family/";
const STATE_LIVE: u8 = 1;
const STATE_DROPPED: u8 = 2;

/// Identity of an engine family that holds a bucket, or will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FamilyNumber(pub(super) u64);

impl FamilyNumber {
    /// The engine's name of the family.
    pub(super) fn name(self) -> String {
        format!("f{:016x}", self.0)
    }

    /// The number in an engine's name; `None` when the name is not one of ours.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let number = u64::from_str_radix(name.strip_prefix('f')?, 16).ok().map(FamilyNumber)?;
        (number.name() == name).then_some(number)
    }

    /// Key of the family's record.
    pub(super) fn key(self) -> Vec<u8> {
        [RECORD_PREFIX, &self.0.to_be_bytes()].concat()
    }

    /// The number after this one.
    pub(super) fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("2^64 families are never made"))
    }
}

/// What is on record about a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// It holds this bucket.
    Live(u32),
    /// It held this bucket until the drop; its data may leave the disk once this is flushed.
    Dropped(u32),
}

impl Record {
    /// The value of the record.
    pub(super) fn encode(self) -> [u8; 5] {
        let (state, bucket) = match self {
            Self::Live(bucket) => (STATE_LIVE, bucket),
            Self::Dropped(bucket) => (STATE_DROPPED, bucket),
        };
        let [a, b, c, d] = bucket.to_be_bytes();
        [state, a, b, c, d]
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let [state, bucket @ ..] = <[u8; 5]>::try_from(value).ok()?;
        let bucket = u32::from_be_bytes(bucket);
        match state {
            STATE_LIVE => Some(Self::Live(bucket)),
            STATE_DROPPED => Some(Self::Dropped(bucket)),
            _ => None,
        }
    }
}

/// Why the records cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LedgerError {
    #[error("{0}")]
    Engine(#[from] rocksdb::Error),
    #[error("record {0:02x?} does not parse")]
    Damaged(Vec<u8>),
}

/// The version on record; `None` in a store whose creation did not finish.
pub(super) fn version(db: &Db) -> Result<Option<u32>, LedgerError> {
    let Some(value) = db.get(FORMAT_KEY)? else { return Ok(None) };
    match <[u8; 4]>::try_from(value.as_slice()) {
        Ok(version) => Ok(Some(u32::from_be_bytes(version))),
        Err(_) => Err(LedgerError::Damaged(FORMAT_KEY.to_vec())),
    }
}

/// All family records, by ascending number.
pub(super) fn records(db: &Db) -> Result<Vec<(FamilyNumber, Record)>, LedgerError> {
    let mut records = Vec::new();
    for entry in db.iterator(IteratorMode::Start) {
        let (key, value) = entry?;
        if *key == *FORMAT_KEY {
            continue;
        }
        let number = key.strip_prefix(RECORD_PREFIX).and_then(|number| <[u8; 8]>::try_from(number).ok());
        match (number, Record::decode(&value)) {
            (Some(number), Some(record)) => records.push((FamilyNumber(u64::from_be_bytes(number)), record)),
            _ => return Err(LedgerError::Damaged(key.into_vec())),
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_names_and_records_round_trip() {
        for number in [FamilyNumber(0), FamilyNumber(1), FamilyNumber(u64::MAX)] {
            assert_eq!(FamilyNumber::from_name(&number.name()), Some(number));
        }
        for record in [Record::Live(0), Record::Live(u32::MAX), Record::Dropped(7)] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn names_that_are_not_ours_are_told_apart() {
        for name in ["default", "meta", "f", "f1", "f000000000000000G", "g0000000000000001", "f+000000000000001"] {
            assert_eq!(FamilyNumber::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn damaged_record_values_do_not_decode() {
        for value in [&[][..], &[1, 0, 0, 0], &[3, 0, 0, 0, 1], &[1, 0, 0, 0, 1, 0]] {
            assert_eq!(Record::decode(value), None, "{value:?}");
        }
    }
}

//! The row in which a machine keeps up to where its state stands.
//!
//! ```text
//! version u8 = 1 | flags u8 (1 last, 2 membership) | last: term u64, index u64
//!                | membership: term u64, index u64, bytes to the end
//! ```
//! All integers little-endian; a part is there when its flag is set. A machine writes the row in
//! the batch of each apply, so that after a crash it tells the truth about everything beside it.

use crate::machine::AppliedState;
use anabranch_walog::LogId;
use bytes::{Buf, BufMut, Bytes};

const VERSION: u8 = 1;
const HAS_LAST: u8 = 1;
const HAS_MEMBERSHIP: u8 = 2;

/// The row does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppliedRowError {
    /// Written by a newer build (D15).
    #[error("applied row has version {found}, this build reads version {VERSION}")]
    Version {
        /// The row's version.
        found: u8,
    },
    /// Bytes are missing or make no sense.
    #[error("applied row is malformed")]
    Malformed,
}

impl AppliedState {
    /// The row's key in a machine's metadata; machines keep their other rows elsewhere.
    pub const ROW_KEY: &'static [u8] = b"\x00applied";

    /// The row's value.
    pub fn to_row(&self) -> Vec<u8> {
        let mut row = vec![VERSION, 0];
        if let Some(last) = self.last {
            row[1] |= HAS_LAST;
            put_log_id(&mut row, last);
        }
        if let Some((id, membership)) = &self.membership {
            row[1] |= HAS_MEMBERSHIP;
            put_log_id(&mut row, *id);
            row.put_slice(membership);
        }
        row
    }

    /// Reads the row's value.
    ///
    /// # Errors
    /// [`AppliedRowError`] when it was written by a newer build or is damaged.
    pub fn from_row(mut row: Bytes) -> Result<Self, AppliedRowError> {
        let malformed = |_| AppliedRowError::Malformed;
        let version = row.try_get_u8().map_err(malformed)?;
        if version != VERSION {
            return Err(AppliedRowError::Version { found: version });
        }
        let flags = row.try_get_u8().map_err(malformed)?;
        if flags & !(HAS_LAST | HAS_MEMBERSHIP) != 0 {
            return Err(AppliedRowError::Malformed);
        }
        let last = if flags & HAS_LAST != 0 { Some(get_log_id(&mut row)?) } else { None };
        let membership =
            if flags & HAS_MEMBERSHIP != 0 { Some((get_log_id(&mut row)?, row.split_off(0))) } else { None };
        if row.has_remaining() {
            return Err(AppliedRowError::Malformed);
        }
        Ok(AppliedState { last, membership })
    }
}

fn put_log_id(row: &mut Vec<u8>, id: LogId) {
    row.put_u64_le(id.term);
    row.put_u64_le(id.index);
}

fn get_log_id(row: &mut Bytes) -> Result<LogId, AppliedRowError> {
    let term = row.try_get_u64_le().map_err(|_| AppliedRowError::Malformed)?;
    let index = row.try_get_u64_le().map_err(|_| AppliedRowError::Malformed)?;
    // The log goes on behind it.
    if index == u64::MAX { Err(AppliedRowError::Malformed) } else { Ok(LogId { term, index }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_applied_row_reads_back_as_written(term: u64, index in 0..u64::MAX, has_last: bool, membership: Option<Vec<u8>>) {
            let id = LogId { term, index };
            let membership = membership.map(|bytes| (id, Bytes::from(bytes)));
            let state = AppliedState { last: has_last.then_some(id), membership };
            prop_assert_eq!(AppliedState::from_row(state.to_row().into()), Ok(state));
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = AppliedState::from_row(bytes.into());
        }
    }

    #[test]
    fn a_row_that_no_state_writes_is_refused() {
        let last = |index| AppliedState { last: Some(LogId { term: 1, index }), membership: None }.to_row();
        let longer = [last(3), vec![0]].concat();
        let mut flagged = last(3);
        flagged[1] |= 4;
        for row in [longer, flagged, last(u64::MAX)] {
            assert_eq!(AppliedState::from_row(row.clone().into()), Err(AppliedRowError::Malformed), "{row:?}");
        }
    }

    #[test]
    fn a_row_of_a_newer_build_is_refused_by_name() {
        let refusal = AppliedState::from_row(Bytes::from_static(&[9])).expect_err("version 9");
        assert_eq!(refusal.to_string(), "applied row has version 9, this build reads version 1");
    }
}

//! Init: gives a new group its policy and generation. The first command of every group.
//!
//! ```text
//! kind u8 = 1 | version u8 = 1 | generation u8 | policy (see docs/formats/shard.md)
//! ```

use crate::codec::{Malformed, Reader};
use crate::command;
use crate::effects::Effects;
use crate::group_state::GroupState;
use crate::outcome::{Outcome, Refusal};
use crate::policy::Policy;
use crate::row_key::RowKey;
use anabranch_types::Counter;
use bytes::Bytes;

/// The newest version of the policy's row.
pub(crate) const POLICY_ROW_VERSION: u8 = 1;

/// Sets the policy and the generation of a group, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init {
    /// How often the group's log was begun anew after a disaster; at most 127. It stands above
    /// the log index in every counter.
    pub generation: u8,
    /// How the group rolls buckets, keeps data and remembers requests.
    pub policy: Policy,
}

impl Init {
    /// The command's bytes.
    ///
    /// # Panics
    /// When the generation needs more than 7 bits.
    pub fn encode(&self) -> Bytes {
        assert!(self.generation <= Counter::GENERATION_MAX, "generation {} needs more than 7 bits", self.generation);
        let mut out = vec![command::INIT, command::VERSION, self.generation];
        self.policy.write(&mut out);
        out.into()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let refusal = reader.malformed("generation");
        let generation = reader.u8("generation")?;
        if generation > Counter::GENERATION_MAX {
            return Err(refusal);
        }
        Ok(Init { generation, policy: Policy::read(reader)? })
    }

    pub(crate) fn apply(self, state: &mut GroupState, effects: &mut Effects) -> Outcome {
        match state.policy {
            None => {
                state.policy = Some(self.policy);
                state.generation = self.generation;
                effects.put_row(RowKey::Policy.encode(), policy_row(&self.policy));
            }
            Some(policy) if policy == self.policy && state.generation == self.generation => {}
            Some(_) => return Outcome::Refused(Refusal::InitializedDifferently),
        }
        Outcome::Initialized { generation: self.generation }
    }
}

pub(crate) fn policy_row(policy: &Policy) -> Vec<u8> {
    let mut row = vec![POLICY_ROW_VERSION];
    policy.write(&mut row);
    row
}

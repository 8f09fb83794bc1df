//! The types openraft is configured with.

use crate::in_flight::Admission;
use anabranch_types::NodeId;
use bytes::Bytes;
use openraft::impls::leader_id_std;
use std::fmt;

/// An opaque command of the group's machine.
#[derive(Clone)]
pub(crate) struct Command {
    pub bytes: Bytes,
    /// Its room among the commands in flight; none when it was read from the log.
    pub admission: Option<Admission>,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Command {
    /// The length only: commands hold users' records.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

/// What membership stores for a replica: the node it lives on. Addresses are the catalog's (D14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub node: NodeId,
}

openraft::declare_raft_types!(
    pub(crate) RaftTypes:
        D = Command,
        R = Bytes,
        NodeId = u64,
        Node = Member,
        LeaderId = leader_id_std::LeaderId<u64, u64>,
);

pub(crate) type RaftEntry = openraft::alias::EntryOf<RaftTypes>;
pub(crate) type RaftLogId = openraft::alias::LogIdOf<RaftTypes>;
pub(crate) type RaftVote = openraft::alias::VoteOf<RaftTypes>;
pub(crate) type CommittedLeader = openraft::alias::CommittedLeaderIdOf<RaftTypes>;
pub(crate) type RaftMembership = openraft::Membership<u64, Member>;
pub(crate) type RaftStoredMembership = openraft::alias::StoredMembershipOf<RaftTypes>;

//! Reports, leadership, commands of the catalog, and joining.

use super::{CodecError, error_in, error_out, needed, uint128, uint128_in};
use crate::error::NodeError;
use crate::joining::{JoinReply, JoinRequest, Welcome};
use crate::status::{GroupReport, MemberReport};
use crate::storage_node::StateHash;
use anabranch_catalog::NodeAddresses;
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{ClusterId, GroupId, Incarnation, MapVersion, NodeId, ReplicaId};
use bytes::Bytes;

pub(in crate::wire) fn report_reply_out(reply: Result<Vec<GroupReport>, NodeError>) -> proto::ReportReply {
    use proto::report_reply::Outcome;
    let outcome = match reply {
        Ok(reports) => {
            Outcome::Reports(proto::ReplicaReports { replicas: reports.into_iter().map(report_out).collect() })
        }
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::ReportReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn report_reply_in(
    reply: proto::ReportReply,
) -> Result<Result<Vec<GroupReport>, NodeError>, CodecError> {
    use proto::report_reply::Outcome;
    match needed(reply.outcome, "outcome")? {
        Outcome::Reports(reports) => Ok(Ok(reports.replicas.into_iter().map(report_in).collect())),
        Outcome::Error(error) => error_in(error).map(Err),
    }
}

fn report_out(report: GroupReport) -> proto::ReplicaReport {
    let member_out = |member: MemberReport| proto::MemberReport {
        replica: member.replica.0,
        node: member.node.0,
        votes: member.votes,
        lag_entries: member.lag_entries,
    };
    proto::ReplicaReport {
        group: report.group.0,
        replica: report.replica.0,
        members: report.members.into_iter().map(member_out).collect(),
        leader: report.leader.map(|leader| leader.0),
        term: report.term,
        applied: report.applied,
        flushed: report.flushed,
        failure: report.failure,
    }
}

fn report_in(report: proto::ReplicaReport) -> GroupReport {
    let member_in = |member: proto::MemberReport| MemberReport {
        replica: ReplicaId(member.replica),
        node: NodeId(member.node),
        votes: member.votes,
        lag_entries: member.lag_entries,
    };
    GroupReport {
        group: GroupId(report.group),
        replica: ReplicaId(report.replica),
        members: report.members.into_iter().map(member_in).collect(),
        leader: report.leader.map(ReplicaId),
        term: report.term,
        applied: report.applied,
        flushed: report.flushed,
        failure: report.failure,
    }
}

pub(in crate::wire) fn state_hash_reply_out(reply: Result<StateHash, NodeError>) -> proto::StateHashReply {
    use proto::state_hash_reply::Outcome;
    let outcome = match reply {
        Ok(StateHash { applied, hash }) => Outcome::State(proto::AppliedHash { applied, hash }),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::StateHashReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn state_hash_reply_in(
    reply: proto::StateHashReply,
) -> Result<Result<StateHash, NodeError>, CodecError> {
    use proto::state_hash_reply::Outcome;
    match needed(reply.outcome, "outcome")? {
        Outcome::State(proto::AppliedHash { applied, hash }) => Ok(Ok(StateHash { applied, hash })),
        Outcome::Error(error) => error_in(error).map(Err),
    }
}

pub(in crate::wire) fn propose_reply_out(reply: Result<Bytes, NodeError>) -> proto::ProposeReply {
    use proto::propose_reply::Outcome;
    let outcome = match reply {
        Ok(outcome) => Outcome::Applied(outcome),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::ProposeReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn propose_reply_in(reply: proto::ProposeReply) -> Result<Result<Bytes, NodeError>, CodecError> {
    use proto::propose_reply::Outcome;
    match needed(reply.outcome, "outcome")? {
        Outcome::Applied(outcome) => Ok(Ok(outcome)),
        Outcome::Error(error) => error_in(error).map(Err),
    }
}

pub(in crate::wire) fn version_reply_out(reply: Result<MapVersion, NodeError>) -> proto::VersionReply {
    use proto::version_reply::Outcome;
    let outcome = match reply {
        Ok(version) => Outcome::Version(version.0),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::VersionReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn version_reply_in(
    reply: proto::VersionReply,
) -> Result<Result<MapVersion, NodeError>, CodecError> {
    use proto::version_reply::Outcome;
    match needed(reply.outcome, "outcome")? {
        Outcome::Version(version) => Ok(Ok(MapVersion(version))),
        Outcome::Error(error) => error_in(error).map(Err),
    }
}

pub(in crate::wire) fn join_out(request: &JoinRequest) -> proto::JoinRequest {
    proto::JoinRequest {
        peer_address: request.addresses.peer().to_owned(),
        client_address: request.addresses.client().to_owned(),
        feature_level: u32::from(request.feature_level),
    }
}

/// `incarnation` is what the caller's header names.
pub(in crate::wire) fn join_in(
    request: &proto::JoinRequest,
    incarnation: Incarnation,
) -> Result<JoinRequest, CodecError> {
    let addresses = NodeAddresses::new(&request.peer_address, &request.client_address);
    Ok(JoinRequest {
        incarnation,
        addresses: addresses.map_err(|error| CodecError::invalid("address", error))?,
        feature_level: u16::try_from(request.feature_level)
            .map_err(|error| CodecError::invalid("feature level", error))?,
    })
}

pub(in crate::wire) fn join_reply_out(reply: Result<JoinReply, NodeError>) -> proto::JoinReply {
    use proto::join_reply::Outcome;
    let outcome = match reply {
        Ok(JoinReply::Welcome(welcome)) => Outcome::Welcome(welcome_out(welcome)),
        Ok(JoinReply::NoCluster) => Outcome::NoCluster(proto::Empty {}),
        Ok(JoinReply::Refused { reason }) => Outcome::Refused(reason),
        Err(error) => Outcome::Error(error_out(error)),
    };
    proto::JoinReply { outcome: Some(outcome) }
}

pub(in crate::wire) fn join_reply_in(reply: proto::JoinReply) -> Result<Result<JoinReply, NodeError>, CodecError> {
    use proto::join_reply::Outcome;
    Ok(match needed(reply.outcome, "outcome")? {
        Outcome::Welcome(welcome) => Ok(JoinReply::Welcome(welcome_in(welcome)?)),
        Outcome::NoCluster(proto::Empty {}) => Ok(JoinReply::NoCluster),
        Outcome::Refused(reason) => Ok(JoinReply::Refused { reason }),
        Outcome::Error(error) => Err(error_in(error)?),
    })
}

fn welcome_out(welcome: Welcome) -> proto::Welcome {
    let Welcome { cluster, node, metadata_replica } = welcome;
    proto::Welcome { cluster: Some(uint128(cluster.0)), node: node.0, metadata_replica: metadata_replica.0 }
}

fn welcome_in(welcome: proto::Welcome) -> Result<Welcome, CodecError> {
    Ok(Welcome {
        cluster: ClusterId(uint128_in(welcome.cluster, "cluster")?),
        node: NodeId(welcome.node),
        metadata_replica: ReplicaId(welcome.metadata_replica),
    })
}

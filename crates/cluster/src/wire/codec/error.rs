//! [`NodeError`] and budgets.

use super::{CodecError, needed, span_in, span_out};
use crate::error::NodeError;
use anabranch_limiter::Bucket;
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{GroupId, NodeId};
use proto::node_error::Kind;

pub(in crate::wire) fn error_out(error: NodeError) -> proto::NodeError {
    let kind = match error {
        NodeError::NotLeader { group, leader } => {
            Kind::NotLeader(proto::NotLeader { group: group.0, leader: leader.map(|node| node.0) })
        }
        NodeError::Unknown { reason } => Kind::Unknown(reason),
        NodeError::Unavailable { reason } => Kind::Unavailable(reason),
        NodeError::NoSuchShard { group } => Kind::NoSuchShard(group.0),
        NodeError::Throttled { bucket, retry_after } => Kind::Throttled(throttled_out(bucket, retry_after)),
        NodeError::SubscriptionInUse { retry_after } => Kind::SubscriptionInUse(span_out(retry_after)),
        NodeError::SubscriptionTakenOver => Kind::SubscriptionTakenOver(proto::Empty {}),
        NodeError::Damaged { reason } => Kind::Damaged(reason),
    };
    proto::NodeError { kind: Some(kind) }
}

pub(in crate::wire) fn error_in(error: proto::NodeError) -> Result<NodeError, CodecError> {
    Ok(match needed(error.kind, "error kind")? {
        Kind::NotLeader(proto::NotLeader { group, leader }) => {
            NodeError::NotLeader { group: GroupId(group), leader: leader.map(NodeId) }
        }
        Kind::Unknown(reason) => NodeError::Unknown { reason },
        Kind::Unavailable(reason) => NodeError::Unavailable { reason },
        Kind::NoSuchShard(group) => NodeError::NoSuchShard { group: GroupId(group) },
        Kind::Throttled(throttled) => {
            let (bucket, retry_after) = throttled_in(throttled)?;
            NodeError::Throttled { bucket, retry_after }
        }
        Kind::SubscriptionInUse(retry_after) => {
            NodeError::SubscriptionInUse { retry_after: span_in(Some(retry_after), "retry after")? }
        }
        Kind::SubscriptionTakenOver(proto::Empty {}) => NodeError::SubscriptionTakenOver,
        Kind::Damaged(reason) => NodeError::Damaged { reason },
    })
}

/// What a call came to. A reply that makes no sense leaves the outcome unknown.
pub(in crate::wire) fn replied<T>(reply: Result<Result<T, NodeError>, CodecError>) -> Result<T, NodeError> {
    reply.unwrap_or_else(|error| Err(NodeError::Unknown { reason: format!("the reply does not parse: {error}") }))
}

pub(super) fn throttled_out(bucket: Bucket, retry_after: std::time::Duration) -> proto::Throttled {
    proto::Throttled { bucket: bucket_out(bucket).into(), retry_after: Some(span_out(retry_after)) }
}

pub(super) fn throttled_in(throttled: proto::Throttled) -> Result<(Bucket, std::time::Duration), CodecError> {
    Ok((bucket_in(throttled.bucket)?, span_in(throttled.retry_after, "retry after")?))
}

fn bucket_out(bucket: Bucket) -> proto::Bucket {
    match bucket {
        Bucket::WriteBytes => proto::Bucket::WriteBytes,
        Bucket::WriteRecords => proto::Bucket::WriteRecords,
        Bucket::ReadBytes => proto::Bucket::ReadBytes,
        Bucket::ReadCalls => proto::Bucket::ReadCalls,
    }
}

fn bucket_in(bucket: i32) -> Result<Bucket, CodecError> {
    match proto::Bucket::try_from(bucket) {
        Ok(proto::Bucket::WriteBytes) => Ok(Bucket::WriteBytes),
        Ok(proto::Bucket::WriteRecords) => Ok(Bucket::WriteRecords),
        Ok(proto::Bucket::ReadBytes) => Ok(Bucket::ReadBytes),
        Ok(proto::Bucket::ReadCalls) => Ok(Bucket::ReadCalls),
        Ok(proto::Bucket::Unspecified) | Err(_) => {
            Err(CodecError::invalid("bucket", format!("this build knows no bucket {bucket}")))
        }
    }
}

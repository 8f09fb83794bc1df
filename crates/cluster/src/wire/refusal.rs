//! A call or an answer that is not from whom, or for whom, it should be (D14).

use anabranch_proto::peer::v1 as proto;
use bytes::Bytes;
use prost::Message;
use std::fmt;
use tonic::{Code, Status};

/// What of a call or an answer did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusedField {
    /// There is no identity, or it does not parse.
    Identity,
    /// The other side belongs to another cluster.
    Cluster,
    /// It was meant for another node, or another node answered.
    ReceiverNode,
    /// The catalog does not know the caller.
    SenderNode,
    /// The other side's directory is another one than the catalog knows.
    Incarnation,
    /// The proof is not made with this cluster's secret.
    Secret,
    /// Without a secret, only peers on the same machine are talked to.
    Origin,
    /// The message makes no sense.
    Message,
    /// There is no room for it in the node's memory now (D16).
    Memory,
}

impl RefusedField {
    fn as_str(self) -> &'static str {
        match self {
            RefusedField::Identity => "identity",
            RefusedField::Cluster => "cluster",
            RefusedField::ReceiverNode => "receiver node",
            RefusedField::SenderNode => "sender node",
            RefusedField::Incarnation => "incarnation",
            RefusedField::Secret => "secret",
            RefusedField::Origin => "origin",
            RefusedField::Message => "message",
            RefusedField::Memory => "memory",
        }
    }
}

impl fmt::Display for RefusedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Nothing of the call was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused for its {field}: {text}")]
pub struct Refusal {
    /// What did not fit.
    pub field: RefusedField,
    /// Both values, for people.
    pub text: String,
}

impl Refusal {
    pub(super) fn new(field: RefusedField, text: impl Into<String>) -> Self {
        Refusal { field, text: text.into() }
    }

    /// As the status of a call.
    pub(super) fn into_status(self) -> Status {
        let code = match self.field {
            RefusedField::Message => Code::InvalidArgument,
            RefusedField::Memory => Code::ResourceExhausted,
            RefusedField::Secret | RefusedField::Identity => Code::Unauthenticated,
            RefusedField::Cluster
            | RefusedField::ReceiverNode
            | RefusedField::SenderNode
            | RefusedField::Incarnation
            | RefusedField::Origin => Code::PermissionDenied,
        };
        let details = proto::Refusal { field: self.wire_field().into(), text: self.text.clone() };
        Status::with_details(code, self.to_string(), Bytes::from(details.encode_to_vec()))
    }

    /// The refusal that a status carries; none for any other status. A field that this build does
    /// not know is read as the message's.
    pub(super) fn of_status(status: &Status) -> Option<Refusal> {
        if status.details().is_empty() {
            return None;
        }
        let details = proto::Refusal::decode(status.details()).ok()?;
        let field = match details.field() {
            proto::RefusedField::Identity => RefusedField::Identity,
            proto::RefusedField::Cluster => RefusedField::Cluster,
            proto::RefusedField::ReceiverNode => RefusedField::ReceiverNode,
            proto::RefusedField::SenderNode => RefusedField::SenderNode,
            proto::RefusedField::Incarnation => RefusedField::Incarnation,
            proto::RefusedField::Secret => RefusedField::Secret,
            proto::RefusedField::Origin => RefusedField::Origin,
            proto::RefusedField::Memory => RefusedField::Memory,
            proto::RefusedField::Message | proto::RefusedField::Unspecified => RefusedField::Message,
        };
        Some(Refusal { field, text: details.text })
    }

    fn wire_field(&self) -> proto::RefusedField {
        match self.field {
            RefusedField::Identity => proto::RefusedField::Identity,
            RefusedField::Cluster => proto::RefusedField::Cluster,
            RefusedField::ReceiverNode => proto::RefusedField::ReceiverNode,
            RefusedField::SenderNode => proto::RefusedField::SenderNode,
            RefusedField::Incarnation => proto::RefusedField::Incarnation,
            RefusedField::Secret => proto::RefusedField::Secret,
            RefusedField::Origin => proto::RefusedField::Origin,
            RefusedField::Message => proto::RefusedField::Message,
            RefusedField::Memory => proto::RefusedField::Memory,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_survives_its_status() {
        for field in [
            RefusedField::Identity,
            RefusedField::Cluster,
            RefusedField::ReceiverNode,
            RefusedField::SenderNode,
            RefusedField::Incarnation,
            RefusedField::Secret,
            RefusedField::Origin,
            RefusedField::Message,
            RefusedField::Memory,
        ] {
            let refusal = Refusal::new(field, "this and that");
            assert_eq!(Refusal::of_status(&refusal.clone().into_status()), Some(refusal));
        }
        assert_eq!(Refusal::of_status(&Status::unknown("something else")), None);
    }
}

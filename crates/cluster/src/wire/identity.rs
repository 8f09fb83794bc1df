//! Who calls and who answers: carried in a header of every call, checked on both sides (D14).

use crate::wire::codec::{CodecError, uint128, uint128_in};
use crate::wire::peers::Peers;
use crate::wire::proof::{Claim, SharedSecret};
use crate::wire::refusal::{Refusal, RefusedField};
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{ClusterId, Incarnation, NodeId};
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;
use std::net::IpAddr;
use tonic::metadata::{BinaryMetadataValue, MetadataMap};

const CALLER: &str = "anabranch-caller-bin";
const ANSWERER: &str = "anabranch-answerer-bin";

/// A node, beyond doubt: ids are made once, stored in the directory and in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeIdentity {
    /// Its cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// Of its directory.
    pub incarnation: Incarnation,
}

impl NodeIdentity {
    /// The id of a directory that is no node yet, and of whoever it asks: node ids count from 1.
    pub(super) const NOBODY: NodeId = NodeId(0);

    /// A directory that wants to join and knows nobody by name.
    pub fn joining(incarnation: Incarnation) -> Self {
        NodeIdentity { cluster: ClusterId(0), node: NodeIdentity::NOBODY, incarnation }
    }
}

/// Makes and checks the headers of one node.
#[derive(Debug, Clone)]
pub(super) struct Identification {
    pub this: NodeIdentity,
    pub secret: Option<SharedSecret>,
    /// Where it listens, `host:port`; empty when it does not.
    pub listens_at: String,
}

impl Identification {
    /// The header of calls to `to`.
    pub(super) fn caller_header(&self, to: NodeId) -> (HeaderName, HeaderValue) {
        let proof = self.proof(&Claim::Call { caller: self.this, to });
        let caller = proto::Caller {
            cluster: Some(uint128(self.this.cluster.0)),
            node: self.this.node.0,
            incarnation: Some(uint128(self.this.incarnation.0)),
            to_node: to.0,
            proof: proof.into(),
            address: self.listens_at.clone(),
        };
        (HeaderName::from_static(CALLER), binary(&caller))
    }

    /// The header of answers to `caller`.
    pub(super) fn answerer_header(&self, caller: NodeIdentity) -> (HeaderName, HeaderValue) {
        let proof = self.proof(&Claim::Answer { answerer: self.this, caller });
        let answerer = proto::Answerer {
            cluster: Some(uint128(self.this.cluster.0)),
            node: self.this.node.0,
            incarnation: Some(uint128(self.this.incarnation.0)),
            proof: proof.into(),
        };
        (HeaderName::from_static(ANSWERER), binary(&answerer))
    }

    fn proof(&self, claim: &Claim) -> Vec<u8> {
        self.secret.as_ref().map(|secret| secret.prove(claim)).unwrap_or_default()
    }

    /// Who calls, when it may call this node from `origin`. A node that joined lately may be unknown
    /// here; `from_new` says whether the call may come from one: what makes it known, the catalog's own
    /// replication, may.
    ///
    /// # Errors
    /// The first thing that does not fit; a caller that does not know the secret learns no more.
    pub(super) fn check_caller(
        &self,
        headers: &HeaderMap,
        origin: IpAddr,
        peers: &dyn Peers,
        from_new: bool,
    ) -> Result<NodeIdentity, Refusal> {
        let claimed: proto::Caller = header(headers, CALLER)?;
        let caller = identity_in(claimed.cluster, claimed.node, claimed.incarnation)?;
        let to = NodeId(claimed.to_node);
        self.check_origin(origin)?;
        self.check_proof(&Claim::Call { caller, to }, &claimed.proof)?;
        self.check_cluster(caller)?;
        if to != self.this.node {
            let text = format!("meant for node {to}, this is node {}", self.this.node);
            return Err(Refusal::new(RefusedField::ReceiverNode, text));
        }
        match peers.peer(caller.node) {
            Some(known) => check_incarnation(caller, known.incarnation)?,
            None if from_new && peers.may_be_new(caller.node) => {}
            None => {
                let text = format!("node {} knows no node {}", self.this.node, caller.node);
                return Err(Refusal::new(RefusedField::SenderNode, text));
            }
        }
        Ok(caller)
    }

    /// The directory that wants to join: it is in no catalog, so that the secret alone lets it in.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub(super) fn check_joiner(&self, headers: &HeaderMap, origin: IpAddr) -> Result<NodeIdentity, Refusal> {
        let claimed: proto::Caller = header(headers, CALLER)?;
        let caller = identity_in(claimed.cluster, claimed.node, claimed.incarnation)?;
        let to = NodeId(claimed.to_node);
        self.check_origin(origin)?;
        self.check_proof(&Claim::Call { caller, to }, &claimed.proof)?;
        if caller != NodeIdentity::joining(caller.incarnation) || to != NodeIdentity::NOBODY {
            let text = format!("node {} is a node of cluster {} already", caller.node, caller.cluster);
            return Err(Refusal::new(RefusedField::Identity, text));
        }
        Ok(caller)
    }

    /// Whether the answer comes from `to`, which has `incarnation`. Who wants to join takes any node
    /// that knows the secret.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub(super) fn check_answerer(
        &self,
        headers: &HeaderMap,
        to: NodeId,
        incarnation: Incarnation,
    ) -> Result<(), Refusal> {
        let claimed: proto::Answerer = header(headers, ANSWERER)?;
        let answerer = identity_in(claimed.cluster, claimed.node, claimed.incarnation)?;
        self.check_proof(&Claim::Answer { answerer, caller: self.this }, &claimed.proof)?;
        if to == NodeIdentity::NOBODY {
            return Ok(());
        }
        self.check_cluster(answerer)?;
        if answerer.node != to {
            let text = format!("node {to} was called, node {} answered", answerer.node);
            return Err(Refusal::new(RefusedField::ReceiverNode, text));
        }
        check_incarnation(answerer, incarnation)
    }

    /// # Errors
    /// A refusal of `address` unless it is on this machine or there is a secret.
    pub(super) fn check_origin(&self, address: IpAddr) -> Result<(), Refusal> {
        if self.secret.is_some() || address.to_canonical().is_loopback() {
            return Ok(());
        }
        Err(Refusal::new(RefusedField::Origin, format!("{address} is another machine, and there is no shared secret")))
    }

    fn check_proof(&self, claim: &Claim, proof: &[u8]) -> Result<(), Refusal> {
        match &self.secret {
            None if proof.is_empty() => Ok(()),
            None => Err(Refusal::new(RefusedField::Secret, "one side has a shared secret, the other has none")),
            Some(secret) if secret.holds(claim, proof) => Ok(()),
            Some(_) => Err(Refusal::new(RefusedField::Secret, "the proof is not made with this cluster's secret")),
        }
    }

    fn check_cluster(&self, other: NodeIdentity) -> Result<(), Refusal> {
        if other.cluster == self.this.cluster {
            return Ok(());
        }
        let text = format!("node {} is of cluster {}, not of {}", other.node, other.cluster, self.this.cluster);
        Err(Refusal::new(RefusedField::Cluster, text))
    }
}

/// Where the caller says that it listens; empty when it does not say.
pub(super) fn address_of_caller(headers: &HeaderMap) -> String {
    header(headers, CALLER).map(|claimed: proto::Caller| claimed.address).unwrap_or_default()
}

fn check_incarnation(of: NodeIdentity, known: Incarnation) -> Result<(), Refusal> {
    if of.incarnation == known {
        return Ok(());
    }
    let text = format!("node {} comes with directory {}, the catalog knows {known}", of.node, of.incarnation);
    Err(Refusal::new(RefusedField::Incarnation, text))
}

fn identity_in(
    cluster: Option<proto::Uint128>,
    node: u64,
    incarnation: Option<proto::Uint128>,
) -> Result<NodeIdentity, Refusal> {
    let malformed = |error: CodecError| Refusal::new(RefusedField::Identity, error.to_string());
    Ok(NodeIdentity {
        cluster: ClusterId(uint128_in(cluster, "cluster").map_err(malformed)?),
        node: NodeId(node),
        incarnation: Incarnation(uint128_in(incarnation, "incarnation").map_err(malformed)?),
    })
}

fn binary(message: &impl Message) -> HeaderValue {
    let mut metadata = MetadataMap::new();
    metadata.insert_bin(CALLER, BinaryMetadataValue::from_bytes(&message.encode_to_vec()));
    metadata.into_headers().remove(CALLER).expect("it was just put there")
}

fn header<M: Message + Default>(headers: &HeaderMap, name: &'static str) -> Result<M, Refusal> {
    let malformed = |text: String| Refusal::new(RefusedField::Identity, text);
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(malformed(format!("there has to be one header {name}")));
    };
    // As the gRPC specification wants it: base64, which tonic's metadata undoes.
    let mut only = HeaderMap::with_capacity(1);
    only.insert(HeaderName::from_static(name), value.clone());
    let metadata = MetadataMap::from_headers(only);
    let bytes = metadata.get_bin(name).and_then(|value| value.to_bytes().ok());
    let bytes = bytes.ok_or_else(|| malformed(format!("header {name} is not base64")))?;
    M::decode(bytes).map_err(|_| malformed(format!("header {name} does not parse")))
}

#[cfg(test)]
mod tests;

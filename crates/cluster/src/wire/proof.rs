//! The cluster's shared secret, and what is proved with it.
//!
//! A proof is an HMAC-SHA256 over who calls whom. It shows that its sender knows the secret, to that
//! one receiver. It hides nothing, and whoever can read the network can repeat it: networks that
//! are not trusted need more (docs/adr/0004-peer-transport.md).

use crate::wire::identity::NodeIdentity;
use anabranch_types::NodeId;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, verify};
use std::fmt;

/// A secret that can be guessed protects nothing.
const SECRET_BYTES_MIN: usize = 16;

/// What the nodes of a cluster know and nobody else does. It is not printed, in no form.
#[derive(Clone)]
pub struct SharedSecret(Key);

/// The secret is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret of a cluster has at least {SECRET_BYTES_MIN} bytes, not {bytes}")]
pub struct SecretTooShort {
    /// How long it is.
    pub bytes: usize,
}

impl SharedSecret {
    /// # Errors
    /// [`SecretTooShort`] for less than 16 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, SecretTooShort> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(SecretTooShort { bytes: secret.len() });
        }
        Ok(SharedSecret(Key::new(HMAC_SHA256, secret)))
    }

    pub(super) fn prove(&self, claim: &Claim) -> Vec<u8> {
        let mut context = Context::with_key(&self.0);
        context.update(&claim.bytes());
        context.sign().as_ref().to_vec()
    }

    /// Whether `proof` is this secret's for `claim`; takes the same time wherever they differ.
    pub(super) fn holds(&self, claim: &Claim, proof: &[u8]) -> bool {
        verify(&self.0, &claim.bytes(), proof).is_ok()
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}

/// What a proof is about.
pub(super) enum Claim {
    /// `caller` calls `to`.
    Call { caller: NodeIdentity, to: NodeId },
    /// `answerer` answers `caller`.
    Answer { answerer: NodeIdentity, caller: NodeIdentity },
}

impl Claim {
    /// ```text
    /// call    "anabranch peer call 1"   | caller | to node u64
    /// answer  "anabranch peer answer 1" | answerer | caller
    /// caller, answerer: cluster u128 | node u64 | incarnation u128; numbers are big-endian
    /// ```
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        match self {
            Claim::Call { caller, to } => {
                out.extend_from_slice(b"anabranch peer call 1");
                identity(&mut out, *caller);
                out.extend_from_slice(&to.0.to_be_bytes());
            }
            Claim::Answer { answerer, caller } => {
                out.extend_from_slice(b"anabranch peer answer 1");
                identity(&mut out, *answerer);
                identity(&mut out, *caller);
            }
        }
        out
    }
}

fn identity(out: &mut Vec<u8>, of: NodeIdentity) {
    out.extend_from_slice(&of.cluster.0.to_be_bytes());
    out.extend_from_slice(&of.node.0.to_be_bytes());
    out.extend_from_slice(&of.incarnation.0.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_types::{ClusterId, Incarnation};

    fn node(number: u64) -> NodeIdentity {
        NodeIdentity { cluster: ClusterId(7), node: NodeId(number), incarnation: Incarnation(u128::from(number)) }
    }

    #[test]
    fn a_proof_holds_for_its_secret_and_claim_only() {
        let secret = SharedSecret::new(b"sixteen bytes or more").unwrap();
        let claim = Claim::Call { caller: node(1), to: NodeId(2) };
        let proof = secret.prove(&claim);
        assert!(secret.holds(&claim, &proof));
        assert!(!secret.holds(&claim, &proof[..31]));
        assert!(!secret.holds(&Claim::Call { caller: node(1), to: NodeId(3) }, &proof));
        assert!(!secret.holds(&Claim::Call { caller: node(3), to: NodeId(2) }, &proof));
        assert!(!secret.holds(&Claim::Answer { answerer: node(1), caller: node(2) }, &proof));
        let other = SharedSecret::new(b"sixteen bytes or less").unwrap();
        assert!(!other.holds(&claim, &proof));
    }

    #[test]
    fn a_secret_is_not_printed_and_not_short() {
        assert_eq!(format!("{:?}", SharedSecret::new(b"sixteen bytes or more").unwrap()), "SharedSecret");
        assert_eq!(SharedSecret::new(b"short").unwrap_err(), SecretTooShort { bytes: 5 });
    }
}

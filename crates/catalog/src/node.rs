//! Nodes: who belongs to the cluster and where it is reached.

use crate::codec::{DecodeError, Field, Reader, fields};
use crate::limits::ADDRESS_BYTES_MAX;
use anabranch_types::{Incarnation, NodeId, Timestamp};

/// Where a node listens, as `host:port` texts. An address may be empty: a node without that
/// listener.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeAddresses {
    peer: String,
    client: String,
}

/// An address is at most 260 bytes of printable ASCII without spaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address has at most {ADDRESS_BYTES_MAX} printable ascii characters")]
pub struct InvalidAddress;

impl NodeAddresses {
    /// `peer` is the listener for other nodes, `client` the public one.
    ///
    /// # Errors
    /// [`InvalidAddress`] when one is too long or has other characters. Whether anything
    /// listens there is not checked.
    pub fn new(peer: &str, client: &str) -> Result<Self, InvalidAddress> {
        for text in [peer, client] {
            if text.len() > ADDRESS_BYTES_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(InvalidAddress);
            }
        }
        Ok(NodeAddresses { peer: peer.to_owned(), client: client.to_owned() })
    }

    /// The listener for other nodes.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The public listener.
    pub fn client(&self) -> &str {
        &self.client
    }
}

impl Field for NodeAddresses {
    fn write(&self, out: &mut Vec<u8>) {
        self.peer.write(out);
        self.client.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (peer, client) = (String::read(input)?, String::read(input)?);
        NodeAddresses::new(&peer, &client).map_err(|_| DecodeError::Invalid { what: "address" })
    }
}

/// A member of the cluster. A node that comes with another incarnation is another node (D14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Never used again, not even after the node is gone.
    pub id: NodeId,
    /// Of its data directory; unique in the cluster.
    pub incarnation: Incarnation,
    /// Where it listens.
    pub addresses: NodeAddresses,
    /// The highest feature level its build understands; at least the cluster's.
    pub feature_level: u16,
    /// When it joined.
    pub registered: Timestamp,
}

fields!(Node { id, incarnation, addresses, feature_level, registered });

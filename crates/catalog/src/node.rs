//! Nodes: who belongs to the cluster, where it is reached, and whether it is to stay.

use crate::codec::{DecodeError, Field, Reader, fields, variants};
use crate::limits::{ADDRESS_BYTES_MAX, ZONE_BYTES_MAX};
use crate::rows::RowValue;
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

/// Where a node stands: a rack, a building, whatever fails together. Empty: nobody said, and
/// the node counts as a zone of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Zone(String);

/// A zone is at most 64 bytes of printable ASCII without spaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a zone has at most {ZONE_BYTES_MAX} printable ascii characters")]
pub struct InvalidZone;

impl Zone {
    /// The zone of a name; an empty name is no zone.
    ///
    /// # Errors
    /// [`InvalidZone`] when it is too long or has other characters.
    pub fn new(name: &str) -> Result<Self, InvalidZone> {
        if name.len() > ZONE_BYTES_MAX || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidZone);
        }
        Ok(Zone(name.to_owned()))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nobody said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Field for Zone {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Zone::new(&String::read(input)?).map_err(|_| DecodeError::Invalid { what: "zone" })
    }
}

/// What is to become of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeState {
    /// Leads, holds replicas and gets new ones.
    Active,
    /// To be stopped for a while: leaders move away, replicas stay, no new ones come.
    Draining,
    /// To be taken out of the cluster: its replicas move away, then it is removed. May be
    /// taken back until its replica of the metadata group leaves.
    Decommissioning,
    /// Its directory is gone for good: its replicas are replaced without waiting for it. Only
    /// the directory itself can take that back, by `UpdateNode`.
    Lost,
}

variants!(NodeState {
    1 => Active {},
    2 => Draining {},
    3 => Decommissioning {},
    4 => Lost {},
});

impl NodeState {
    /// Whether replicas stay on a node of this state.
    pub fn keeps_replicas(self) -> bool {
        match self {
            NodeState::Active | NodeState::Draining => true,
            NodeState::Decommissioning | NodeState::Lost => false,
        }
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
    /// What is to become of it.
    pub state: NodeState,
    /// Where it stands.
    pub zone: Zone,
}

fields!(Node { id, incarnation, addresses, feature_level, registered, state, zone });

impl RowValue for Node {
    const WHAT: &'static str = "node row";
    const VERSION: u8 = 2;

    fn version(&self) -> u8 {
        if self.state == NodeState::Active && self.zone.is_empty() { 1 } else { 2 }
    }

    /// Version 1 is version 2 without its last two fields.
    fn write_row(&self, out: &mut Vec<u8>) {
        self.id.write(out);
        self.incarnation.write(out);
        self.addresses.write(out);
        self.feature_level.write(out);
        self.registered.write(out);
        if self.version() > 1 {
            self.state.write(out);
            self.zone.write(out);
        }
    }

    fn read_row(version: u8, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if version > 1 {
            return Node::read(input);
        }
        Ok(Node {
            id: Field::read(input)?,
            incarnation: Field::read(input)?,
            addresses: Field::read(input)?,
            feature_level: Field::read(input)?,
            registered: Field::read(input)?,
            state: NodeState::Active,
            zone: Zone::default(),
        })
    }
}

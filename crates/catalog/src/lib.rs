//! The metadata state machine: who belongs to the cluster, which groups exist, which streams
//! and shards there are and which group holds each (D5, D11).
//!
//! Pure: no I/O, clock or randomness. The metadata group replicates commands; every replica
//! applies them with [`Catalog::apply`], stores the [`RowMutation`]s that come back, and finds
//! the same state again with [`Catalog::load`]. Gateways route by a [`ShardMap`] snapshot.
//! Walking a stream through its life (making shards known to groups, splitting and merging them,
//! dropping them) is the controllers' work, which [`Catalog::unfinished`] tells them; so is walking a replica in or
//! out of its group, which its [`ReplicaState`] tells them.

mod apply;
mod catalog;
mod check;
mod cluster;
mod codec;
mod command;
mod commands;
mod consumer;
mod edit;
mod group;
pub mod limits;
mod listing;
mod load;
mod node;
mod placement;
mod reshard;
mod retention;
mod rows;
mod scaling;
mod shard;
mod shard_map;
mod stream;
mod tagging;
mod token_key;

#[cfg(test)]
mod tests;

pub use catalog::{Catalog, FEATURE_LEVEL, Unfinished};
pub use check::Violation;
pub use cluster::Cluster;
pub use codec::DecodeError;
pub use command::{COMMAND_VERSION, Command, CommandKind, UnknownCommand, check_level, kind_of};
pub use commands::{
    AbortReshard, AbortReshardRefused, ActivateStream, ActivateStreamRefused, AddReplica, AddReplicaRefused,
    BeginDeleteStream, BeginDeleteStreamRefused, BeginReshard, BeginReshardRefused, Bootstrap, BootstrapRefused,
    Bootstrapped, CommitReshard, CommitReshardRefused, ContinueScaling, ContinueScalingRefused, CreateGroup,
    CreateGroupRefused, CreateStream, CreateStreamRefused, DeregisterConsumer, DeregisterConsumerRefused, DescribeNode,
    DescribeNodeRefused, Ending, FinishDeleteStream, FinishDeleteStreamRefused, FinishRetention,
    FinishRetentionRefused, FinishScaling, FinishScalingRefused, ForgetReplica, ForgetReplicaRefused, GroupCreated,
    NodeRegistered, NodeUpdated, PromoteReplica, PromoteReplicaRefused, Recorded, RegisterConsumer,
    RegisterConsumerRefused, RegisterNode, RegisterNodeRefused, RemoveNode, RemoveNodeRefused, RemoveReplica,
    RemoveReplicaRefused, RemoveShards, RemoveShardsRefused, ReplicaAdded, ReplicaJoined, ReplicaJoinedRefused,
    ReplicaLeft, ReplicaLeftRefused, RetentionMove, RotateTokenKey, RotateTokenKeyRefused, RoundBegun, SealParents,
    SealParentsRefused, SetNodeState, SetNodeStateRefused, SetRetention, SetRetentionRefused, StepsRefused,
    StreamActivated, StreamCreated, StreamDeleted, StreamDeleting, TagStream, TagStreamRefused, TokenKeyRotated,
    UntagStream, UntagStreamRefused, UpdateMaxRecordSize, UpdateMaxRecordSizeRefused, UpdateNode, UpdateNodeRefused,
    UpdateShardCount, UpdateShardCountRefused,
};
pub use consumer::{Consumer, ConsumerChanged};
pub use group::{Group, Replica, ReplicaState};
pub use listing::{FutureTimestamp, ShardFilter, ShardList};
pub use load::LoadError;
pub use node::{InvalidAddress, InvalidZone, Node, NodeAddresses, NodeState, Zone};
pub use placement::{LeaderMove, PlacementOptions, Step, leader_moves, plan};
pub use reshard::{ReshardBegun, ReshardStep, Round, RoundStage, Scaling};
pub use retention::RetentionChanges;
pub use rows::RowMutation;
pub use scaling::scaling_steps;
pub use shard::{Closed, Parents, Shard};
pub use shard_map::{ShardMap, StreamPage};
pub use stream::{Stream, StreamLimits, StreamMap, StreamStatus};
pub use token_key::{KeyFound, TokenKey, TokenKeys, TokenSecret};

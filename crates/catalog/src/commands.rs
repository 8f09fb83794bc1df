//! The commands, one file each: its fields, its outcome, its rule. What those that are about
//! nodes and replicas have in common is in `membership` and `refusals`.

mod activate_stream;
mod add_replica;
mod begin_delete_stream;
mod bootstrap;
mod create_group;
mod create_stream;
mod describe_node;
mod finish_delete_stream;
mod forget_replica;
mod membership;
mod promote_replica;
mod recorded;
mod refusals;
mod register_node;
mod remove_node;
mod remove_replica;
mod replica_joined;
mod replica_left;
mod rotate_token_key;
mod set_node_state;
mod update_node;

pub use activate_stream::{ActivateStream, ActivateStreamRefused, StreamActivated};
pub use add_replica::{AddReplica, AddReplicaRefused, ReplicaAdded};
pub use begin_delete_stream::{BeginDeleteStream, BeginDeleteStreamRefused, StreamDeleting};
pub use bootstrap::{Bootstrap, BootstrapRefused, Bootstrapped};
pub use create_group::{CreateGroup, CreateGroupRefused, GroupCreated};
pub use create_stream::{CreateStream, CreateStreamRefused, StreamCreated};
pub use describe_node::{DescribeNode, DescribeNodeRefused};
pub use finish_delete_stream::{FinishDeleteStream, FinishDeleteStreamRefused, StreamDeleted};
pub use forget_replica::{ForgetReplica, ForgetReplicaRefused};
pub use promote_replica::{PromoteReplica, PromoteReplicaRefused};
pub use recorded::Recorded;
pub use register_node::{NodeRegistered, RegisterNode, RegisterNodeRefused};
pub use remove_node::{RemoveNode, RemoveNodeRefused};
pub use remove_replica::{RemoveReplica, RemoveReplicaRefused};
pub use replica_joined::{ReplicaJoined, ReplicaJoinedRefused};
pub use replica_left::{ReplicaLeft, ReplicaLeftRefused};
pub use rotate_token_key::{RotateTokenKey, RotateTokenKeyRefused, TokenKeyRotated};
pub use set_node_state::{SetNodeState, SetNodeStateRefused};
pub use update_node::{NodeUpdated, UpdateNode, UpdateNodeRefused};

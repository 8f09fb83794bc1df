//! The commands, one file each: its fields, its outcome, its rule.

mod activate_stream;
mod begin_delete_stream;
mod bootstrap;
mod create_stream;
mod finish_delete_stream;
mod register_node;
mod rotate_token_key;
mod update_node;

pub use activate_stream::{ActivateStream, ActivateStreamRefused, StreamActivated};
pub use begin_delete_stream::{BeginDeleteStream, BeginDeleteStreamRefused, StreamDeleting};
pub use bootstrap::{Bootstrap, BootstrapRefused, Bootstrapped};
pub use create_stream::{CreateStream, CreateStreamRefused, StreamCreated};
pub use finish_delete_stream::{FinishDeleteStream, FinishDeleteStreamRefused, StreamDeleted};
pub use register_node::{NodeRegistered, RegisterNode, RegisterNodeRefused};
pub use rotate_token_key::{RotateTokenKey, RotateTokenKeyRefused, TokenKeyRotated};
pub use update_node::{NodeUpdated, UpdateNode, UpdateNodeRefused};

//! Flags of the commands that look after a running cluster.

use super::AskArgs;
use clap::{Args, Subcommand, value_parser};

/// What is done with nodes.
#[derive(Debug, Clone, Subcommand)]
pub enum NodeCommand {
    /// List the nodes, with what is wanted of them and what they have.
    Ls(AskArgs),
    /// Let a node lead no group and get no new replicas: before it is stopped for a while.
    Drain(NodeArgs),
    /// Let a node take its part again, whatever it was told before.
    Undrain(NodeArgs),
    /// Move the replicas of a node to others: before it is stopped for good.
    Decommission(NodeArgs),
}

/// Flags of a command about one node.
#[derive(Debug, Clone, Args)]
pub struct NodeArgs {
    /// The node's number, as `anabranch node ls` shows it.
    #[arg(value_name = "ID", value_parser = value_parser!(u64).range(1..))]
    pub id: u64,
    /// Wait until it is done, and tell how far it is.
    #[arg(long)]
    pub wait: bool,
    /// Whom to ask.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// What is done with replication groups.
#[derive(Debug, Clone, Subcommand)]
pub enum GroupCommand {
    /// List the groups, with their leaders and replicas.
    Ls(AskArgs),
    /// Compare what the replicas of each group have applied; ends with 1 where they differ.
    Verify(AskArgs),
    /// Move a replica of a group from one node to another.
    Move(MoveArgs),
}

/// Flags of `anabranch group move`.
#[derive(Debug, Clone, Args)]
pub struct MoveArgs {
    /// The group's number, or `catalog`.
    #[arg(value_name = "GROUP", value_parser = group)]
    pub group: u32,
    /// The node that has a replica of it.
    #[arg(long, value_name = "NODE", value_parser = value_parser!(u64).range(1..))]
    pub from: u64,
    /// The node that is to have it.
    #[arg(long, value_name = "NODE", value_parser = value_parser!(u64).range(1..))]
    pub to: u64,
    /// Wait until it is done, and tell how far it is.
    #[arg(long)]
    pub wait: bool,
    /// Whom to ask.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// The text is no group.
#[derive(Debug, thiserror::Error)]
#[error("a group is a number, or catalog for group 0")]
struct NotAGroup;

fn group(text: &str) -> Result<u32, NotAGroup> {
    if text == "catalog" { Ok(0) } else { text.parse().map_err(|_| NotAGroup) }
}

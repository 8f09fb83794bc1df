//! `anabranch node`: lists nodes, and tells one what is wanted of it.

use super::client::{CallError, Client};
use super::waiting::{Progress, tell, wait};
use crate::cli::{AskArgs, NodeArgs, NodeCommand, Output};
use crate::pages::admin::{NODE_LIST, NODE_STATE, NodeList, Nothing, SetNodeState};
use crate::status::{NodeEntry, NodeState, nodes_to_text};
use anabranch_runtime::Env;
use serde::Serialize;

/// What was done.
#[derive(Debug, Serialize)]
struct Done {
    node: u64,
    state: NodeState,
    /// Whether nothing is left to do; without `--wait` that was not looked at.
    finished: bool,
}

/// Does `command`; what is to be printed.
///
/// # Errors
/// [`CallError`].
pub fn node(command: &NodeCommand) -> anyhow::Result<String> {
    Ok(match command {
        NodeCommand::Ls(ask) => list(ask)?,
        NodeCommand::Drain(args) => set_state(args, NodeState::Draining)?,
        NodeCommand::Undrain(args) => set_state(args, NodeState::Active)?,
        NodeCommand::Decommission(args) => set_state(args, NodeState::Decommissioning)?,
    })
}

fn list(ask: &AskArgs) -> Result<String, CallError> {
    let nodes: NodeList = Client::new(&ask.endpoint, &Env::system())?.call(NODE_LIST, &Nothing {})?;
    Ok(match ask.output {
        Output::Text => nodes_to_text(&nodes.nodes),
        Output::Json => super::json(&nodes),
    })
}

fn set_state(args: &NodeArgs, state: NodeState) -> anyhow::Result<String> {
    let env = Env::system();
    let client = Client::new(&args.ask.endpoint, &env)?;
    let Nothing {} = client.call(NODE_STATE, &SetNodeState { node: args.id, state })?;
    if args.wait {
        let look = || {
            let NodeList { nodes } = client.call(NODE_LIST, &Nothing {})?;
            Ok(progress(&nodes, args.id, state))
        };
        super::runtime()?.block_on(wait(&env, look, tell))?;
    }
    let done = Done { node: args.id, state, finished: args.wait || state == NodeState::Active };
    Ok(match args.ask.output {
        Output::Text => format!("{}\n", in_words(&done)),
        Output::Json => super::json(&done),
    })
}

/// How far node `id` is with becoming what `state` says.
fn progress(nodes: &[NodeEntry], id: u64, state: NodeState) -> Progress {
    let Some(node) = nodes.iter().find(|node| node.id == id) else {
        // A node without replicas may be forgotten once it is gone.
        let gone = state == NodeState::Decommissioning;
        return if gone { Progress::Finished } else { Progress::At(format!("node {id} is not known yet")) };
    };
    let left = |count: Option<u32>, of: &str| match count {
        Some(0) => Progress::Finished,
        Some(count) => Progress::At(format!("node {id} is {state}: {of} {count}")),
        None => Progress::At(format!("node {id} is {state}: it is not known how far it is")),
    };
    match state {
        NodeState::Active => Progress::Finished,
        NodeState::Draining => left(node.leads, "groups that it still leads:"),
        NodeState::Decommissioning | NodeState::Lost => left(node.replicas, "replicas that it still has:"),
    }
}

fn in_words(done: &Done) -> String {
    let node = done.node;
    match (done.state, done.finished) {
        (NodeState::Active, _) => format!("node {node} is active"),
        (NodeState::Draining, true) => format!("node {node} has drained: it leads no group"),
        (NodeState::Draining, false) => format!("node {node} is draining"),
        (NodeState::Lost, _) => format!("node {node} is lost"),
        (NodeState::Decommissioning, true) => format!("node {node} has no replicas left: it may be stopped for good"),
        (NodeState::Decommissioning, false) => format!("node {node} is decommissioning: its replicas move away"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, replicas: Option<u32>, leads: Option<u32>) -> NodeEntry {
        let (pid, addresses, zone) = (None, Vec::new(), String::new());
        NodeEntry { id, pid, addresses, state: NodeState::Draining, zone, replicas, leads }
    }

    #[test]
    fn a_node_has_drained_when_it_leads_nothing() {
        let at = |leads| progress(&[entry(3, Some(4), leads)], 3, NodeState::Draining);
        assert_eq!(at(Some(2)), Progress::At("node 3 is draining: groups that it still leads: 2".to_owned()));
        assert_eq!(at(Some(0)), Progress::Finished);
        assert_ne!(at(None), Progress::Finished);
    }

    #[test]
    fn a_node_may_go_for_good_when_it_has_no_replicas() {
        let at = |replicas| progress(&[entry(3, replicas, Some(0))], 3, NodeState::Decommissioning);
        assert_eq!(at(Some(1)), Progress::At("node 3 is decommissioning: replicas that it still has: 1".to_owned()));
        assert_eq!(at(Some(0)), Progress::Finished);
        assert_ne!(at(None), Progress::Finished);
        assert_eq!(progress(&[], 3, NodeState::Decommissioning), Progress::Finished);
        assert_ne!(progress(&[], 3, NodeState::Draining), Progress::Finished);
    }
}

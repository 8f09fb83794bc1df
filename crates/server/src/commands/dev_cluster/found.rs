//! A node that runs already, started by its start command: waited for, but never ended.

use super::child::Event;
use super::node::{NodePlan, Ready};
use crate::cli::Endpoint;
use crate::commands::status::{StatusError, ask};
use crate::data_dir::is_held;
use crate::status::NodeStatus;
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::NodeId;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often it is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long a process may use the directory without an answer: far above the time from taking the
/// directory to answering pages.
const MUTE_MAX: Duration = Duration::from_secs(20);

/// Tells by `events` once the node of `plan` is ready, or its process has gone or does not answer.
pub(super) fn watch(plan: &NodePlan, events: &mpsc::Sender<Event>, env: &Env) {
    let (plan, events, env_of_task) = (plan.clone(), events.clone(), env.clone());
    env.tasks.spawn("node-found", OnFailure::Log, async move {
        let event = wait(&plan, &env_of_task).await;
        // Nobody listens any more when the parent ends.
        let _told = events.send(event).await;
    });
}

async fn wait(plan: &NodePlan, env: &Env) -> Event {
    let number = plan.number;
    let asked_since = env.clock.monotonic();
    let mut has_answered = false;
    loop {
        match ask_for_status(plan).await {
            Ok(status) if status.ready => {
                if let Some((pid, ready)) = ready_of(&status) {
                    return Event::Ready { number, pid, ready };
                }
            }
            Ok(_) | Err(StatusError::NotYet { .. } | StatusError::NotANode { .. }) => has_answered = true,
            Err(StatusError::Unreachable { .. }) => {
                // Only one that does not answer is looked at: looking holds its lock for a moment.
                if !is_held(Path::new(&plan.directory)).unwrap_or(true) {
                    return Event::Left { number };
                }
                if !has_answered && env.clock.monotonic().saturating_sub(asked_since) > MUTE_MAX {
                    return Event::Mute { number };
                }
            }
        }
        env.sleep(ASK_EVERY).await;
    }
}

pub(super) async fn ask_for_status(plan: &NodePlan) -> Result<NodeStatus, StatusError> {
    let endpoint = Endpoint::from(plan.api_from_here());
    let asked = tokio::task::spawn_blocking({
        let endpoint = endpoint.clone();
        move || ask(&endpoint)
    });
    asked.await.unwrap_or_else(|error| Err(StatusError::NotANode { endpoint, reason: error.to_string() }))
}

/// What the telling node says of itself.
fn ready_of(status: &NodeStatus) -> Option<(u32, Ready)> {
    let own = status.nodes.iter().find(|node| node.id == status.node)?;
    let address = |scheme: &str| own.addresses.iter().find(|address| address.starts_with(scheme)).cloned();
    let ready = Ready { id: NodeId(status.node), api: address("http://")?, tls: address("https://")? };
    Some((own.pid?, ready))
}

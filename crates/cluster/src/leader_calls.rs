//! Finds a group's leader and retries what is safe to retry, inside the caller's deadline.

use crate::call_deadline;
use crate::error::NodeError;
use crate::storage_node::Attempt;
use anabranch_runtime::Env;
use anabranch_types::{GroupId, NodeId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Pause before the second try; doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(5);
/// Longest pause: a new leader is usually there after the election timeout.
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// How long one try may take. A node that hangs looks alive to its connections for seconds, while
/// the others elect a new leader; what it may have done is found by the request's id (I12).
const TRY_MAX: Duration = Duration::from_secs(2);
/// How often a call that waits for an answer looks whether the group has got another leader: a part of
/// the time that an election takes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The nodes that may lead groups, as one role sees them.
pub trait Nodes<N: ?Sized>: Send + Sync + 'static {
    /// Those that may lead `group`, the one to ask first at the front. Asked at every try.
    fn candidates(&self, group: GroupId) -> Vec<NodeId>;

    /// The role on `node`; none when the cluster has no such node.
    fn node(&self, node: NodeId) -> Option<Arc<N>>;

    /// Who leads `group` as far as is known here without asking anybody. It may be out of date.
    fn leader(&self, _group: GroupId) -> Option<NodeId> {
        None
    }
}

/// The same nodes for every group.
impl<N: ?Sized + Send + Sync + 'static> Nodes<N> for BTreeMap<NodeId, Arc<N>> {
    fn candidates(&self, _: GroupId) -> Vec<NodeId> {
        self.keys().copied().collect()
    }

    fn node(&self, node: NodeId) -> Option<Arc<N>> {
        self.get(&node).cloned()
    }
}

/// Calls the leaders of groups. Clones share what is known about who leads.
pub struct LeaderCalls<N: ?Sized> {
    nodes: Arc<dyn Nodes<N>>,
    /// Who served the last call of each group.
    leaders: Arc<Mutex<HashMap<GroupId, NodeId>>>,
    env: Env,
}

impl<N: ?Sized> Clone for LeaderCalls<N> {
    fn clone(&self) -> Self {
        LeaderCalls { nodes: Arc::clone(&self.nodes), leaders: Arc::clone(&self.leaders), env: self.env.clone() }
    }
}

impl<N: ?Sized + Send + Sync + 'static> LeaderCalls<N> {
    /// Calls to `nodes`.
    pub fn new(nodes: impl Nodes<N>, env: Env) -> Self {
        LeaderCalls { nodes: Arc::new(nodes), leaders: Arc::default(), env }
    }

    /// The role on `node`, whatever it leads; none when the cluster has no such node.
    pub fn node(&self, node: NodeId) -> Option<Arc<N>> {
        self.nodes.node(node)
    }

    /// As [`LeaderCalls::call_again`], for what need not know whether it is asked again.
    ///
    /// # Errors
    /// As [`LeaderCalls::call_again`].
    pub async fn call<T, F, Fut>(&self, group: GroupId, deadline: Duration, operation: F) -> Result<T, NodeError>
    where
        F: Fn(Arc<N>) -> Fut,
        Fut: Future<Output = Result<T, NodeError>>,
    {
        self.call_again(group, deadline, |node, _| operation(node)).await
    }

    /// As [`LeaderCalls::call`], for an operation that the node may hold for `held` before it answers.
    ///
    /// # Errors
    /// As [`LeaderCalls::call_again`].
    pub async fn call_held<T, F, Fut>(
        &self,
        group: GroupId,
        deadline: Duration,
        held: Duration,
        operation: F,
    ) -> Result<T, NodeError>
    where
        F: Fn(Arc<N>) -> Fut,
        Fut: Future<Output = Result<T, NodeError>>,
    {
        self.search(group, deadline, TRY_MAX.saturating_add(held), |node, _| operation(node)).await
    }

    /// Calls `operation` on the leader of `group`. A node that does not lead is left for the one
    /// it names, or for the next candidate; an unknown outcome is asked again with the same request,
    /// so `operation` must be safe to repeat (I12). `deadline` is time since node start: a call that
    /// has no answer by then is given up, its outcome unknown. Once one outcome is unknown, no later
    /// refusal of a node makes it known. A node that does not answer is left as soon as another one is
    /// known to lead.
    ///
    /// # Errors
    /// The last [`NodeError`] when it is final, or when the deadline would pass before another try.
    pub async fn call_again<T, F, Fut>(&self, group: GroupId, deadline: Duration, operation: F) -> Result<T, NodeError>
    where
        F: Fn(Arc<N>, Attempt) -> Fut,
        Fut: Future<Output = Result<T, NodeError>>,
    {
        self.search(group, deadline, TRY_MAX, operation).await
    }

    /// One try may take `try_max`.
    async fn search<T, F, Fut>(
        &self,
        group: GroupId,
        deadline: Duration,
        try_max: Duration,
        operation: F,
    ) -> Result<T, NodeError>
    where
        F: Fn(Arc<N>, Attempt) -> Fut,
        Fut: Future<Output = Result<T, NodeError>>,
    {
        let mut search = Search { next: self.leaders.lock().get(&group).copied(), ..Search::default() };
        let mut attempt = Attempt::First;
        loop {
            let candidates = self.nodes.candidates(group);
            let target = search.target(&candidates);
            let error = match target.and_then(|node| Some((node, self.nodes.node(node)?))) {
                Some((id, node)) => {
                    let within = deadline.saturating_sub(self.env.clock.monotonic()).min(try_max);
                    match self.try_once(group, id, within, operation(node, attempt), &mut search).await {
                        Ok(answer) => {
                            self.remember(group, target);
                            return Ok(answer);
                        }
                        Err(error) => error,
                    }
                }
                None => NodeError::NotLeader { group, leader: None },
            };
            let pause = match &error {
                NodeError::NotLeader { leader, .. } => search.redirected(*leader, candidates.len()),
                NodeError::Unknown { .. } => {
                    attempt = Attempt::Again;
                    search.failed()
                }
                NodeError::Unavailable { .. } => return Err(told(error, attempt)),
                NodeError::NoSuchShard { .. }
                | NodeError::Throttled { .. }
                | NodeError::SubscriptionInUse { .. }
                | NodeError::SubscriptionTakenOver
                | NodeError::Damaged { .. } => {
                    self.remember(group, target);
                    return Err(error);
                }
            };
            if self.env.clock.monotonic() + pause >= deadline {
                return Err(told(error, attempt));
            }
            tracing::debug!(%group, node = ?target, %error, "looking for the group's leader");
            if !pause.is_zero() {
                self.env.sleep(pause).await;
            }
        }
    }

    /// One try on `node`, for at most `try_max`, until another node is known to lead.
    async fn try_once<T>(
        &self,
        group: GroupId,
        node: NodeId,
        within: Duration,
        operation: impl Future<Output = Result<T, NodeError>>,
        search: &mut Search,
    ) -> Result<T, NodeError> {
        let until = self.env.clock.monotonic() + within;
        let mut operation = pin!(call_deadline::until(until, operation));
        let mut left = within;
        loop {
            let step = left.min(LOOK_EVERY);
            if let Ok(answer) = tokio::time::timeout(step, operation.as_mut()).await {
                return answer;
            }
            left -= step;
            if left.is_zero() {
                return Err(NodeError::Unknown { reason: format!("no answer within {within:?}") });
            }
            let elsewhere = self.nodes.leader(group).filter(|leader| *leader != node && search.hears_of(*leader));
            if let Some(leader) = elsewhere {
                self.remember(group, Some(leader));
                return Err(NodeError::Unknown { reason: format!("no answer yet, and node {leader} leads now") });
            }
        }
    }

    fn remember(&self, group: GroupId, leader: Option<NodeId>) {
        let mut leaders = self.leaders.lock();
        match leader {
            Some(node) if leaders.get(&group) == Some(&node) => {}
            Some(node) => drop(leaders.insert(group, node)),
            None => {}
        }
    }
}

/// One call's way through the candidates.
#[derive(Default)]
struct Search {
    /// Who is to be asked next, when somebody has said so.
    next: Option<NodeId>,
    /// Which candidate is asked when nobody has.
    candidate: usize,
    /// Nodes left without a pause since the last one.
    left: usize,
    pauses: u32,
    /// Leaders that this node's own replica has named while another one was asked. Each is followed
    /// once: the replica may be the one that is out of date.
    heard_of: Vec<NodeId>,
}

impl Search {
    fn target(&mut self, candidates: &[NodeId]) -> Option<NodeId> {
        let by_turn = || candidates.get(self.candidate % candidates.len().max(1)).copied();
        self.next.take().or_else(by_turn)
    }

    /// The node that was asked does not lead. How long to pause before the next try: not at all
    /// until everybody was asked once, since one of them may lead right now.
    fn redirected(&mut self, leader: Option<NodeId>, candidates: usize) -> Duration {
        self.next = leader;
        if leader.is_none() {
            self.candidate += 1;
        }
        self.left += 1;
        if self.left < candidates.max(1) { Duration::ZERO } else { self.pause() }
    }

    /// Whether `leader` is news; it is asked next.
    fn hears_of(&mut self, leader: NodeId) -> bool {
        let is_news = !self.heard_of.contains(&leader);
        if is_news {
            self.heard_of.push(leader);
            self.next = Some(leader);
        }
        is_news
    }

    /// The node that was asked may be gone: others are asked next, the one that is said to lead first.
    fn failed(&mut self) -> Duration {
        self.candidate += 1;
        self.pause()
    }

    fn pause(&mut self) -> Duration {
        self.left = 0;
        let pause = PAUSE_FIRST.saturating_mul(1 << self.pauses.min(10)).min(PAUSE_MAX);
        self.pauses += 1;
        pause
    }
}

/// "Certainly not done" holds for the last try only.
fn told(error: NodeError, attempt: Attempt) -> NodeError {
    match attempt {
        Attempt::First => error,
        Attempt::Again => NodeError::Unknown { reason: format!("an earlier try was not answered; then: {error}") },
    }
}

#[cfg(test)]
mod tests;

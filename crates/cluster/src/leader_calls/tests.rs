use super::*;
use anabranch_types::Timestamp;
use futures::future::{BoxFuture, pending, ready};

/// A node by its number: operations see which one they are called on.
type Numbered = NodeId;

const GROUP: GroupId = GroupId(1);

fn calls(nodes: &[u64]) -> (LeaderCalls<Numbered>, Env) {
    let env = Env::simulated(Timestamp::EPOCH, 1);
    let nodes: BTreeMap<_, _> = nodes.iter().map(|node| (NodeId(*node), Arc::new(NodeId(*node)))).collect();
    (LeaderCalls::new(nodes, env.clone()), env)
}

/// Answers call after call what `script` says, and notes whom it asked in which attempt.
struct Asked(Mutex<Vec<(u64, Attempt)>>);

impl Asked {
    fn new() -> Self {
        Asked(Mutex::default())
    }

    fn answer(
        &self,
        node: &NodeId,
        attempt: Attempt,
        script: impl Fn(usize, u64) -> Result<(), NodeError>,
    ) -> BoxFuture<'static, Result<(), NodeError>> {
        let mut asked = self.0.lock();
        asked.push((node.0, attempt));
        Box::pin(ready(script(asked.len(), node.0)))
    }

    fn nodes(&self) -> Vec<u64> {
        self.0.lock().iter().map(|(node, _)| *node).collect()
    }

    fn attempts(&self) -> Vec<Attempt> {
        self.0.lock().iter().map(|(_, attempt)| *attempt).collect()
    }
}

fn not_leader(leader: Option<u64>) -> Result<(), NodeError> {
    Err(NodeError::NotLeader { group: GROUP, leader: leader.map(NodeId) })
}

fn unknown() -> Result<(), NodeError> {
    Err(NodeError::Unknown { reason: "test".to_owned() })
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_costs_no_more_than_the_deadline() {
    let (calls, env) = calls(&[1]);
    let deadline = Duration::from_secs(5);
    let call = calls.call(GROUP, deadline, |_| pending::<Result<(), _>>());
    assert!(matches!(call.await, Err(NodeError::Unknown { .. })));
    assert!(env.clock.monotonic() <= deadline);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_is_left_for_one_that_leads() {
    let (calls, env) = calls(&[1, 2]);
    let call = calls.call_again(GROUP, Duration::from_secs(10), |node, attempt| async move {
        match (node.0, attempt) {
            (1, _) => pending().await,
            (_, attempt) => Ok(attempt),
        }
    });
    assert_eq!(call.await.expect("node 2 leads"), Attempt::Again);
    assert!(env.clock.monotonic() < TRY_MAX + PAUSE_MAX);
}

/// Nodes of which the one that calls hosts a replica: it knows a leader, from a moment on.
struct Hosting {
    nodes: BTreeMap<NodeId, Arc<Numbered>>,
    env: Env,
    knows: Vec<(Duration, NodeId)>,
}

impl Nodes<Numbered> for Hosting {
    fn candidates(&self, group: GroupId) -> Vec<NodeId> {
        self.nodes.candidates(group)
    }

    fn node(&self, node: NodeId) -> Option<Arc<Numbered>> {
        self.nodes.node(node)
    }

    fn leader(&self, _group: GroupId) -> Option<NodeId> {
        let now = self.env.clock.monotonic();
        self.knows.iter().rev().find(|(from, _)| *from <= now).map(|(_, leader)| *leader)
    }
}

fn hosting(nodes: &[u64], knows: &[(u64, u64)]) -> (LeaderCalls<Numbered>, Env) {
    let env = Env::simulated(Timestamp::EPOCH, 1);
    let nodes = nodes.iter().map(|node| (NodeId(*node), Arc::new(NodeId(*node)))).collect();
    let knows = knows.iter().map(|(from, leader)| (Duration::from_millis(*from), NodeId(*leader))).collect();
    (LeaderCalls::new(Hosting { nodes, env: env.clone(), knows }, env.clone()), env)
}

#[tokio::test(start_paused = true)]
async fn a_silent_node_is_left_once_another_is_known_to_lead() {
    let (calls, env) = hosting(&[1, 2, 3], &[(0, 1), (650, 3)]);
    for expected in [vec![(1, Attempt::First), (3, Attempt::Again)], vec![(3, Attempt::First)]] {
        let asked = Mutex::new(Vec::new());
        let call = calls.call_again(GROUP, Duration::from_secs(10), |node, attempt| {
            asked.lock().push((node.0, attempt));
            async move { if node.0 == 3 { Ok(()) } else { pending().await } }
        });
        call.await.expect("node 3 leads");
        assert_eq!(*asked.lock(), expected);
    }
    assert!(env.clock.monotonic() <= Duration::from_millis(650) + LOOK_EVERY + PAUSE_FIRST);
}

#[tokio::test(start_paused = true)]
async fn a_slow_leader_is_not_left_again_and_again_for_one_that_led_before() {
    // What this node knows is out of date: node 2 leads, and takes a second.
    let (calls, env) = hosting(&[1, 2], &[(0, 1)]);
    let asked = Mutex::new(Vec::new());
    let call = calls.call_again(GROUP, Duration::from_secs(10), |node, _| {
        asked.lock().push(node.0);
        let env = env.clone();
        async move {
            if node.0 == 1 {
                return not_leader(Some(2));
            }
            env.sleep(Duration::from_secs(1)).await;
            Ok(())
        }
    });
    call.await.expect("node 2 answers");
    assert_eq!(*asked.lock(), [1, 2, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_named_leader_is_asked_at_once_and_remembered() {
    let (calls, env) = calls(&[1, 2, 3]);
    for expected in [vec![1, 3], vec![3]] {
        let asked = Asked::new();
        let call = calls.call_again(GROUP, Duration::from_secs(5), |node, attempt| {
            asked.answer(&node, attempt, |_, node| if node == 3 { Ok(()) } else { not_leader(Some(3)) })
        });
        call.await.expect("node 3 leads");
        assert_eq!(asked.nodes(), expected);
    }
    assert_eq!(env.clock.monotonic(), Duration::ZERO, "nobody had to be waited for");
}

#[tokio::test(start_paused = true)]
async fn every_candidate_is_asked_before_there_is_a_pause() {
    let (calls, env) = calls(&[1, 2, 3]);
    let asked = Asked::new();
    let call = calls.call_again(GROUP, Duration::from_secs(5), |node, attempt| {
        asked.answer(&node, attempt, |nth, _| if nth == 5 { Ok(()) } else { not_leader(None) })
    });
    call.await.expect("the fifth try is served");
    assert_eq!(asked.nodes(), [1, 2, 3, 1, 2]);
    assert_eq!(env.clock.monotonic(), PAUSE_FIRST);
}

#[tokio::test(start_paused = true)]
async fn two_nodes_that_name_each_other_do_not_spin() {
    let (calls, env) = calls(&[1, 2]);
    let asked = Asked::new();
    let call = calls.call_again(GROUP, Duration::from_secs(5), |node, attempt| {
        asked.answer(&node, attempt, |_, node| not_leader(Some(3 - node)))
    });
    assert!(matches!(call.await, Err(NodeError::NotLeader { .. })));
    assert!(asked.nodes().len() < 200, "{} tries in {:?}", asked.nodes().len(), env.clock.monotonic());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_asked_again_and_no_later_refusal_makes_it_known() {
    let (calls, _env) = calls(&[1]);
    let asked = Asked::new();
    let call = calls.call_again(GROUP, Duration::from_secs(5), |node, attempt| {
        asked.answer(&node, attempt, |nth, _| match nth {
            1 | 3 => not_leader(Some(1)),
            2 => unknown(),
            _ => Err(NodeError::Unavailable { reason: "test".to_owned() }),
        })
    });
    assert!(matches!(call.await, Err(NodeError::Unknown { .. })));
    assert_eq!(asked.attempts(), [Attempt::First, Attempt::First, Attempt::Again, Attempt::Again]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_first_try_is_final() {
    let (calls, _env) = calls(&[1, 2]);
    let asked = Asked::new();
    let call = calls.call_again(GROUP, Duration::from_secs(5), |node, attempt| {
        asked.answer(&node, attempt, |_, _| Err(NodeError::Unavailable { reason: "the disk is full".to_owned() }))
    });
    assert!(matches!(call.await, Err(NodeError::Unavailable { .. })));
    assert_eq!(asked.nodes(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_candidates_is_waited_for() {
    let (calls, env) = calls(&[]);
    let call = calls.call(GROUP, Duration::from_secs(1), |_| ready(Ok(())));
    assert!(matches!(call.await, Err(NodeError::NotLeader { leader: None, .. })));
    assert!(env.clock.monotonic() > Duration::from_millis(800));
}

use super::*;
use crate::health::{Health, Phase};
use crate::operations::Comparison;
use anabranch_runtime::Env;
use anabranch_types::Timestamp;
use parking_lot::Mutex;

/// A cluster that remembers what it was asked for; node 9 and group 9 are none of its.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

impl Operations for Asked {
    fn nodes(&self) -> OperationFuture<'_, Vec<NodeEntry>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn set_node_state(&self, node: NodeId, state: NodeState) -> OperationFuture<'_, ()> {
        let unknown = node == NodeId(9);
        self.0.lock().push(format!("node {node} {state}"));
        Box::pin(ready(if unknown { Err(OperationError::NotFound("node 9".to_owned())) } else { Ok(()) }))
    }

    fn groups(&self) -> OperationFuture<'_, Vec<GroupStatus>> {
        Box::pin(ready(Err(OperationError::Unavailable("no leader".to_owned()))))
    }

    fn compare(&self) -> OperationFuture<'_, Vec<Comparison>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn move_replica(&self, replica: ReplicaMove) -> OperationFuture<'_, ()> {
        self.0.lock().push(format!("group {} from {} to {}", replica.group, replica.from, replica.to));
        Box::pin(ready(Err(OperationError::Refused("a replica of group 4 is on node 3".to_owned()))))
    }
}

fn pages() -> (Pages, Health) {
    let health = Health::new();
    (Pages::new(health.clone(), Arc::new(String::new), Env::simulated(Timestamp::EPOCH, 1).clock), health)
}

async fn post(pages: &Pages, path: &str, body: &'static str) -> (u16, String) {
    let page = find(pages, path).expect(path)(Bytes::from_static(body.as_bytes())).await;
    (page.status.as_u16(), String::from_utf8_lossy(&page.body).into_owned())
}

#[tokio::test]
async fn what_is_asked_for_reaches_the_cluster() {
    let (pages, _) = pages();
    let asked = Arc::new(Asked::default());
    pages.take_operations(Arc::clone(&asked) as Arc<dyn Operations>);
    assert_eq!(post(&pages, NODE_LIST, "{}").await, (200, r#"{"nodes":[]}"#.to_owned()));
    let drain = r#"{"node":3,"state":"draining"}"#;
    assert_eq!(post(&pages, NODE_STATE, drain).await, (200, "{}".to_owned()));
    post(&pages, GROUP_MOVE, r#"{"group":4,"from":1,"to":3}"#).await;
    assert_eq!(*asked.0.lock(), ["node 3 draining", "group 4 from 1 to 3"]);
}

#[tokio::test]
async fn each_refusal_has_its_status_and_says_why() {
    let (pages, _) = pages();
    pages.take_operations(Arc::new(Asked::default()));
    for (path, body, status, told) in [
        (NODE_STATE, r#"{"node":9,"state":"active"}"#, 404, "NotFound"),
        (GROUP_MOVE, r#"{"group":4,"from":1,"to":3}"#, 409, "a replica of group 4 is on node 3"),
        (GROUP_LIST, "{}", 503, "not now: no leader"),
        (NODE_STATE, r#"{"node":3,"state":"asleep"}"#, 400, "unknown variant `asleep`"),
        (NODE_STATE, r#"{"node":3,"state":"active","when":1}"#, 400, "unknown field `when`"),
        (NODE_LIST, "", 400, "BadRequest"),
    ] {
        let (answered, text) = post(&pages, path, body).await;
        assert!(answered == status && text.contains(told), "{path} {body}: {answered} {text}");
        let refused: Refused = serde_json::from_str(&text).expect("our own JSON");
        assert!(!refused.error.is_empty() && !refused.message.is_empty());
    }
}

#[tokio::test]
async fn before_somebody_takes_operations_they_are_refused() {
    let (pages, health) = pages();
    let (status, text) = post(&pages, NODE_LIST, "{}").await;
    assert!(status == 503 && text.contains("the node is starting"), "{status} {text}");
    health.enter(Phase::Serving);
    let (status, text) = post(&pages, NODE_LIST, "{}").await;
    assert!(status == 501 && text.contains("NotServed"), "{status} {text}");
}

#[test]
fn other_paths_are_left_to_the_door() {
    let (pages, _) = pages();
    for path in ["/", "/admin", "/admin/v1/node", "/admin/v1/node/list/", "/admin/v2/node/list"] {
        assert!(find(&pages, path).is_none(), "{path}");
    }
}

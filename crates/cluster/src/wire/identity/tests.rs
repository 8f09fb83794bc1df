//! Each thing that does not fit is refused by its name, on both sides.

use super::*;
use crate::wire::peers::PeerAddress;
use std::net::Ipv4Addr;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// Knows nodes 1 and 2, whose directories have their numbers.
struct Known;

impl Peers for Known {
    fn peer(&self, node: NodeId) -> Option<PeerAddress> {
        (node.0 <= 2).then(|| PeerAddress { address: String::new(), incarnation: Incarnation(node.0.into()) })
    }

    fn may_be_new(&self, node: NodeId) -> bool {
        node.0 > 2
    }
}

fn node(number: u64, secret: Option<&str>) -> Identification {
    let this =
        NodeIdentity { cluster: ClusterId(1 << 100), node: NodeId(number), incarnation: Incarnation(number.into()) };
    let secret = secret.map(|text| SharedSecret::new(text.as_bytes()).unwrap());
    Identification { this, secret, listens_at: String::new() }
}

fn headers(header: (HeaderName, HeaderValue)) -> HeaderMap {
    HeaderMap::from_iter([header])
}

/// What node 2 says to the call of `caller` for `to`.
fn called(
    caller: &Identification,
    to: u64,
    origin: IpAddr,
    secret: Option<&str>,
) -> Result<NodeIdentity, RefusedField> {
    let headers = headers(caller.caller_header(NodeId(to)));
    node(2, secret).check_caller(&headers, origin, &Known, false).map_err(|refusal| refusal.field)
}

const SECRET: Option<&str> = Some("a secret of the cluster");

#[test]
fn a_caller_that_fits_is_let_in_by_its_identity() {
    let caller = node(1, SECRET);
    assert_eq!(called(&caller, 2, AWAY, SECRET), Ok(caller.this));
    let caller = node(1, None);
    assert_eq!(called(&caller, 2, HOME, None), Ok(caller.this));
}

#[test]
fn a_caller_that_does_not_fit_is_refused_by_the_field() {
    let with = |change: fn(&mut NodeIdentity)| {
        let mut caller = node(1, SECRET);
        change(&mut caller.this);
        called(&caller, 2, AWAY, SECRET).unwrap_err()
    };
    assert_eq!(with(|caller| caller.cluster = ClusterId(9)), RefusedField::Cluster);
    assert_eq!(with(|caller| caller.node = NodeId(3)), RefusedField::SenderNode);
    assert_eq!(with(|caller| caller.incarnation = Incarnation(9)), RefusedField::Incarnation);
    assert_eq!(called(&node(1, SECRET), 1, AWAY, SECRET), Err(RefusedField::ReceiverNode));
    assert_eq!(called(&node(1, Some("another secret, as long")), 2, HOME, SECRET), Err(RefusedField::Secret));
    assert_eq!(called(&node(1, None), 2, HOME, SECRET), Err(RefusedField::Secret));
    assert_eq!(called(&node(1, SECRET), 2, HOME, None), Err(RefusedField::Secret));
    assert_eq!(called(&node(1, None), 2, AWAY, None), Err(RefusedField::Origin));
}

#[test]
fn a_proof_is_of_no_use_for_another_call() {
    let stolen = node(1, SECRET).caller_header(NodeId(2));
    let mut caller: proto::Caller = header(&headers(stolen), CALLER).unwrap();
    caller.to_node = 1;
    let moved = headers((HeaderName::from_static(CALLER), binary(&caller)));
    let refusal = node(1, SECRET).check_caller(&moved, HOME, &Known, false).unwrap_err();
    assert_eq!(refusal.field, RefusedField::Secret);
}

#[test]
fn headers_that_are_missing_doubled_or_broken_are_refused() {
    let refused = |headers: &HeaderMap| node(2, None).check_caller(headers, HOME, &Known, false).unwrap_err().field;
    assert_eq!(refused(&HeaderMap::new()), RefusedField::Identity);
    for broken in ["", "%%%", "AAAA", "/////w"] {
        let value = HeaderValue::from_static(broken);
        assert_eq!(refused(&headers((HeaderName::from_static(CALLER), value))), RefusedField::Identity, "{broken}");
    }
    let (name, value) = node(1, None).caller_header(NodeId(2));
    let mut doubled = HeaderMap::new();
    doubled.append(name.clone(), value.clone());
    doubled.append(name, value);
    assert_eq!(refused(&doubled), RefusedField::Identity);
}

#[test]
fn an_answer_counts_from_the_node_that_was_called_only() {
    let caller = node(1, SECRET);
    let answered = |change: fn(&mut NodeIdentity), secret| {
        let mut answerer = node(2, secret);
        change(&mut answerer.this);
        let headers = headers(answerer.answerer_header(caller.this));
        caller.check_answerer(&headers, NodeId(2), Incarnation(2)).map_err(|refusal| refusal.field)
    };
    assert_eq!(answered(|_| {}, SECRET), Ok(()));
    assert_eq!(answered(|answerer| answerer.cluster = ClusterId(9), SECRET), Err(RefusedField::Cluster));
    assert_eq!(answered(|answerer| answerer.node = NodeId(3), SECRET), Err(RefusedField::ReceiverNode));
    assert_eq!(answered(|answerer| answerer.incarnation = Incarnation(9), SECRET), Err(RefusedField::Incarnation));
    assert_eq!(answered(|_| {}, None), Err(RefusedField::Secret));
    assert_eq!(answered(|_| {}, Some("another secret, as long")), Err(RefusedField::Secret));
}

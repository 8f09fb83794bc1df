//! One node of `anabranch dev --nodes`: where it is to be, and the line that says where it is.

use super::ports::Ports;
use anabranch_types::NodeId;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where one node keeps its data and listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodePlan {
    /// The number of its directory, from 1. Its id in the cluster is another matter: nodes that join
    /// side by side get theirs in the order in which they come.
    pub(super) number: u8,
    /// Absolute.
    pub(super) directory: String,
    /// Where clients connect.
    pub(super) api: SocketAddr,
    /// The same with TLS.
    pub(super) tls: SocketAddr,
    /// Where the other nodes connect; always on this machine only.
    pub(super) peer: SocketAddr,
}

impl NodePlan {
    /// Node `number` on `ports` of the addresses of the first node.
    pub(super) fn new(number: u8, directory: String, ports: Ports, api: IpAddr, tls: IpAddr) -> Self {
        NodePlan {
            number,
            directory,
            api: SocketAddr::new(api, ports.api),
            tls: SocketAddr::new(tls, ports.tls),
            peer: SocketAddr::new(peer_ip(api), ports.peer),
        }
    }

    /// Where this machine reaches its API.
    pub(super) fn api_from_here(&self) -> SocketAddr {
        let ip = self.api.ip();
        let from_here = match ip {
            IpAddr::V4(_) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            IpAddr::V4(_) | IpAddr::V6(_) => ip,
        };
        SocketAddr::new(from_here, self.api.port())
    }
}

/// The nodes talk to each other on this machine, wherever their clients are.
pub(super) fn peer_ip(api: IpAddr) -> IpAddr {
    if api.is_loopback() { api } else { IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

/// What a node has said when it was ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    /// Its id in the cluster.
    pub(super) id: NodeId,
    /// `http://HOST:PORT`.
    pub(super) api: String,
    /// `https://HOST:PORT`.
    pub(super) tls: String,
}

impl Ready {
    /// Reads a ready line; none where `line` is something else.
    pub(super) fn read(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("anabranch ready api=")?;
        let (api, rest) = rest.split_once(" tls=")?;
        let (tls, rest) = rest.split_once(" node=")?;
        let (id, _data) = rest.split_once(" data=")?;
        Some(Ready { id: NodeId(id.parse().ok()?), api: api.to_owned(), tls: tls.to_owned() })
    }

    /// The line that says where the node is, which scripts wait for (docs/CLI.md).
    pub(super) fn node_line(&self, pid: u32, plan: &NodePlan, start: &impl fmt::Display) -> String {
        format!(
            "anabranch node id={} pid={pid} api={} tls={} peer={} data={} start=\"{start}\"",
            self.id, self.api, self.tls, plan.peer, plan.directory
        )
    }

    /// The line that one node prints when it is ready.
    pub(super) fn ready_line(&self, plan: &NodePlan) -> String {
        format!("anabranch ready api={} tls={} node={} data={}", self.api, self.tls, self.id, plan.directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listeners::Bound;
    use proptest::prelude::*;
    use std::path::Path;

    fn plan(api: &str) -> NodePlan {
        let ip = api.parse().expect(api);
        NodePlan::new(2, "/data dir/node-2".to_owned(), Ports { api: 1, tls: 2, peer: 3 }, ip, ip)
    }

    proptest! {
        #[test]
        fn the_ready_line_of_a_node_is_read_and_said_again(
            plain in any::<SocketAddr>(), tls in any::<SocketAddr>(), id in 1u64.., data in "/[ -~]{0,30}"
        ) {
            let line = Bound { plain, tls: Some(tls), peer: None }.ready_line(NodeId(id), Path::new(&data));
            let ready = Ready::read(&line).expect("our own line");
            prop_assert_eq!((ready.id, &ready.api), (NodeId(id), &format!("http://{plain}")));
            let plan = NodePlan { directory: data, ..plan("127.0.0.1") };
            prop_assert_eq!(ready.ready_line(&plan), line);
        }

        #[test]
        fn no_line_is_too_odd_to_be_looked_at(line in "(anabranch ready api=)?[ -~]{0,60}") {
            let _read_or_not = Ready::read(&line);
        }
    }

    #[test]
    fn the_line_of_a_node_says_where_it_is_and_how_it_is_started() {
        let ready =
            Ready { id: NodeId(3), api: "http://127.0.0.1:1".to_owned(), tls: "https://127.0.0.1:2".to_owned() };
        assert_eq!(
            ready.node_line(42, &plan("127.0.0.1"), &"anabranch dev"),
            "anabranch node id=3 pid=42 api=http://127.0.0.1:1 tls=https://127.0.0.1:2 peer=127.0.0.1:3 \
             data=/data dir/node-2 start=\"anabranch dev\""
        );
    }

    #[test]
    fn nodes_talk_to_each_other_on_this_machine_only() {
        for (api, from_here, peer) in [
            ("127.0.0.1", "127.0.0.1:1", "127.0.0.1:3"),
            ("0.0.0.0", "127.0.0.1:1", "127.0.0.1:3"),
            ("::1", "[::1]:1", "[::1]:3"),
            ("::", "[::1]:1", "127.0.0.1:3"),
            ("192.0.2.1", "192.0.2.1:1", "127.0.0.1:3"),
        ] {
            let plan = plan(api);
            assert_eq!((plan.api_from_here().to_string().as_str(), plan.peer.to_string().as_str()), (from_here, peer));
        }
    }
}

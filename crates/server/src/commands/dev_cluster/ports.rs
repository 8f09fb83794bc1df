//! Which ports the nodes have: by a formula from the first node's, or any that are free.

use super::directory::NODES_MAX;
use crate::config::ConfigError;
use anabranch_runtime::Random;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::ops::Range;

/// From one node's port to the next one's.
const STEP: u16 = 10;
/// From the API port of a node to its others.
const TLS_AFTER_API: u16 = 1;
const PEER_AFTER_API: u16 = 2;
/// Where free ports are looked for: below those that Linux gives to connections unless told
/// otherwise (32768 on), so that a node that is down finds its ports again.
const FREE_RANGE: Range<u16> = 10_240..32_768;
/// Tries before it is told that there are none.
const TRIES_MAX: u32 = 1_000;

/// The ports of one node; all three are different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ports {
    /// Where clients connect.
    pub(super) api: u16,
    /// The same with TLS.
    pub(super) tls: u16,
    /// Where the other nodes connect.
    pub(super) peer: u16,
}

/// One kind of port, of all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// The first node has this one, each further node the one [`STEP`] above.
    Fixed(u16),
    /// Each node has one that was free when it was chosen.
    Free,
}

/// How the ports of all nodes are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortPlan {
    api: Choice,
    tls: Choice,
    peer: Choice,
}

/// No port was free.
#[derive(Debug, thiserror::Error)]
#[error("no port from {first} to {last} is free on {ip}", first = FREE_RANGE.start, last = FREE_RANGE.end - 1)]
pub(super) struct NoFreePort {
    ip: IpAddr,
}

impl PortPlan {
    /// For `nodes` nodes of which the first listens on `listen`, and with TLS on `tls_listen`, or
    /// on the port after the other where nothing was said. Port 0 is a free one.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when a port would be above 65535, or two would be the same.
    pub(super) fn new(listen: SocketAddr, tls_listen: Option<SocketAddr>, nodes: u8) -> Result<Self, ConfigError> {
        let high = || ConfigError::Invalid {
            key: "listen",
            rule: Cow::Borrowed("must leave room below 65536 for the ports of all --nodes"),
        };
        let choice = |port: u16| if port == 0 { Choice::Free } else { Choice::Fixed(port) };
        let after = |distance: u16| match listen.port() {
            0 => Ok(Choice::Free),
            port => port.checked_add(distance).map(Choice::Fixed).ok_or_else(high),
        };
        let tls = match tls_listen {
            Some(address) => choice(address.port()),
            None => after(TLS_AFTER_API)?,
        };
        let plan = PortPlan { api: choice(listen.port()), tls, peer: after(PEER_AFTER_API)? };
        let mut seen = BTreeSet::new();
        for number in 1..=nodes {
            for kind in [plan.api, plan.tls, plan.peer] {
                let Choice::Fixed(first) = kind else { continue };
                let port = of_node(first, number).ok_or_else(high)?;
                if !seen.insert(port) {
                    let rule = "must not be a port that --nodes gives to another listener";
                    return Err(ConfigError::Invalid { key: "tls_listen", rule: Cow::Borrowed(rule) });
                }
            }
        }
        Ok(plan)
    }

    /// Whether any port is a free one.
    pub(super) fn has_free(&self) -> bool {
        [self.api, self.tls, self.peer].contains(&Choice::Free)
    }

    /// The ports of node `number`, of which a free one is what it was `before`, or else is chosen
    /// now and added to `taken`. None is one that any node has by its number, also of nodes that the
    /// cluster has yet to get.
    ///
    /// # Errors
    /// [`NoFreePort`].
    pub(super) fn ports(
        &self,
        number: u8,
        before: Option<Ports>,
        taken: &mut BTreeSet<u16>,
        ip: IpAddr,
        random: &dyn Random,
    ) -> Result<Ports, NoFreePort> {
        let fixed = self.fixed();
        taken.extend(&fixed);
        let mut port = |choice: Choice, before: Option<u16>| match (choice, before) {
            (Choice::Fixed(first), _) => Ok(of_node(first, number).expect("the plan was made for this node")),
            (Choice::Free, Some(before)) if !fixed.contains(&before) => Ok(before),
            (Choice::Free, _) => free_port(taken, ip, random),
        };
        Ok(Ports {
            api: port(self.api, before.map(|ports| ports.api))?,
            tls: port(self.tls, before.map(|ports| ports.tls))?,
            peer: port(self.peer, before.map(|ports| ports.peer))?,
        })
    }

    /// The ports that nodes have by their numbers.
    fn fixed(&self) -> BTreeSet<u16> {
        let kinds = [self.api, self.tls, self.peer].into_iter();
        let first = kinds.filter_map(|kind| if let Choice::Fixed(first) = kind { Some(first) } else { None });
        first.flat_map(|first| (1..=NODES_MAX).filter_map(move |number| of_node(first, number))).collect()
    }
}

fn of_node(first: u16, number: u8) -> Option<u16> {
    first.checked_add(STEP * u16::from(number - 1))
}

fn free_port(taken: &mut BTreeSet<u16>, ip: IpAddr, random: &dyn Random) -> Result<u16, NoFreePort> {
    let width = u64::from(FREE_RANGE.end - FREE_RANGE.start);
    for _ in 0..TRIES_MAX {
        let above = u16::try_from(random.u64() % width).expect("the range is one of ports");
        let port = FREE_RANGE.start + above;
        if !taken.contains(&port) && TcpListener::bind((ip, port)).is_ok() {
            taken.insert(port);
            return Ok(port);
        }
    }
    Err(NoFreePort { ip })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_runtime::SeededRandom;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn plan(listen: u16, tls_listen: Option<u16>, nodes: u8) -> Result<PortPlan, String> {
        let address = |port| SocketAddr::new(IP, port);
        PortPlan::new(address(listen), tls_listen.map(address), nodes).map_err(|error| error.to_string())
    }

    fn all(plan: PortPlan, nodes: u8) -> Vec<(u16, u16, u16)> {
        let (mut taken, random) = (BTreeSet::new(), SeededRandom::new(7));
        let ports = (1..=nodes).map(|number| plan.ports(number, None, &mut taken, IP, &random).expect("free ones"));
        ports.map(|ports| (ports.api, ports.tls, ports.peer)).collect()
    }

    #[test]
    fn each_node_has_its_ports_ten_above_those_of_the_one_before() {
        let fixed = plan(4567, None, 3).expect("they fit");
        assert_eq!(all(fixed, 3), [(4567, 4568, 4569), (4577, 4578, 4579), (4587, 4588, 4589)]);
        assert!(!fixed.has_free());
        assert_eq!(all(plan(4567, Some(9000), 2).expect("they fit"), 2), [(4567, 9000, 4569), (4577, 9010, 4579)]);
    }

    #[test]
    fn port_0_gives_ports_that_are_free_and_all_different() {
        let free = plan(0, None, 9).expect("any");
        assert!(free.has_free());
        let ports: Vec<_> = all(free, 9).into_iter().flat_map(|(api, tls, peer)| [api, tls, peer]).collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 27);
        assert!(ports.iter().all(|port| FREE_RANGE.contains(port)));
    }

    #[test]
    fn a_port_that_is_listened_on_is_not_free() {
        let (mut taken, random) = (BTreeSet::new(), SeededRandom::new(3));
        let first = free_port(&mut taken, IP, &random).expect("a free one");
        let _held = TcpListener::bind((IP, first)).expect("it is free");
        let second = free_port(&mut BTreeSet::new(), IP, &SeededRandom::new(3)).expect("another one");
        assert_ne!(first, second);
    }

    #[test]
    fn a_free_port_is_never_one_that_a_later_node_has_by_its_number() {
        // What the first node is given, where nothing stands against it.
        let (chosen, _, _) = all(plan(0, None, 1).expect("any"), 1)[0];
        for later in 2..=NODES_MAX {
            let clashing = plan(0, Some(chosen - STEP * u16::from(later - 1)), 1).expect("they fit");
            let (api, _, peer) = all(clashing, 1)[0];
            assert!(api != chosen && peer != chosen, "node {later} is to have {chosen}");
            let before = Ports { api: chosen, tls: 1, peer: 2 };
            let again = clashing.ports(1, Some(before), &mut BTreeSet::from([chosen]), IP, &SeededRandom::new(7));
            assert_ne!(again.expect("a free one").api, chosen, "it was free before the options were others");
        }
    }

    #[test]
    fn a_node_keeps_the_free_ports_that_it_had() {
        let before = Ports { api: 1, tls: 2, peer: 3 };
        let (mut taken, random) = (BTreeSet::new(), SeededRandom::new(7));
        let again = plan(0, None, 1).expect("any").ports(1, Some(before), &mut taken, IP, &random);
        assert_eq!(again.expect("known"), before);
        let moved = plan(4567, None, 1).expect("fixed").ports(1, Some(before), &mut taken, IP, &random);
        assert_eq!(moved.expect("fixed").api, 4567);
    }

    #[test]
    fn ports_that_are_none_or_the_same_are_refused() {
        assert!(plan(65_533, None, 1).is_ok() && plan(65_523, None, 2).is_ok());
        for (listen, nodes) in [(65_534, 1), (65_535, 1), (65_524, 2), (65_500, 9)] {
            assert!(plan(listen, None, nodes).expect_err("too high").starts_with("listen must leave room"));
        }
        for tls_listen in [4567, 4569, 4577] {
            let refusal = plan(4567, Some(tls_listen), 2).expect_err("twice the same");
            assert!(refusal.starts_with("tls_listen must not be a port"), "{refusal}");
        }
    }
}

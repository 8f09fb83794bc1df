//! Identity, nodes, groups and token keys.

use super::{Violation, ensure};
use crate::catalog::Catalog;
use crate::group::ReplicaState;
use crate::token_key::TokenKeys;
use anabranch_types::GroupId;
use std::collections::BTreeSet;

pub(super) fn check(catalog: &Catalog) -> Result<(), Violation> {
    let Some(cluster) = &catalog.cluster else {
        return ensure(*catalog == Catalog::default(), "nothing exists before the bootstrap", || {
            format!("{} rows", catalog.rows().count())
        });
    };
    let (versions, counters) = (catalog.map.version, &catalog.counters);
    ensure(versions == counters.map_version, "the map has the counters' version", || {
        format!("{versions} and {}", counters.map_version)
    })?;
    let keys = catalog.token_keys.as_ref();
    ensure(keys.is_some(), "a bootstrapped cluster has a token key", || cluster.id.to_string())?;
    keys.map_or(Ok(()), token_keys)?;
    nodes(catalog, cluster.feature_level)?;
    groups(catalog)
}

fn token_keys(keys: &TokenKeys) -> Result<(), Violation> {
    ensure(keys.current.id > 0, "token keys count from 1", || format!("key of {}", keys.current.made))?;
    let Some(previous) = &keys.previous else { return Ok(()) };
    ensure(previous.id > 0, "token keys count from 1", || format!("key of {}", previous.made))?;
    let follows = previous.id.checked_add(1) == Some(keys.current.id) && previous.made <= keys.current.made;
    ensure(follows, "the current token key follows the previous one", || {
        format!("key {} of {} after key {} of {}", keys.current.id, keys.current.made, previous.id, previous.made)
    })
}

fn nodes(catalog: &Catalog, feature_level: u16) -> Result<(), Violation> {
    let next = catalog.counters.next_node;
    let mut incarnations = BTreeSet::new();
    for node in catalog.map.nodes() {
        ensure(node.id.0 > 0 && node.id < next, "node ids were handed out", || format!("{} of {next}", node.id))?;
        ensure(incarnations.insert(node.incarnation), "each node has its own incarnation (D14)", || {
            format!("node {} has {}", node.id, node.incarnation)
        })?;
        ensure(
            node.feature_level >= feature_level,
            "every node understands the cluster's feature level (D15)",
            || format!("node {} has {}, the cluster {feature_level}", node.id, node.feature_level),
        )?;
    }
    ensure(feature_level > 0 && !incarnations.is_empty(), "a cluster has a node and a feature level", || {
        format!("{} nodes, feature level {feature_level}", incarnations.len())
    })
}

fn groups(catalog: &Catalog) -> Result<(), Violation> {
    let counters = &catalog.counters;
    let mut replicas = BTreeSet::new();
    for group in catalog.map.groups() {
        ensure(group.id < counters.next_group, "group ids were handed out", || {
            format!("{} of {}", group.id, counters.next_group)
        })?;
        ensure(group.members().next().is_some(), "a group has a member", || format!("group {}", group.id))?;
        let changing: Vec<_> = group.replicas.iter().filter(|replica| replica.state.is_changing()).collect();
        ensure(changing.len() <= 1, "one replica of a group comes or goes at a time", || {
            format!("replicas {changing:?} of group {}", group.id)
        })?;
        let mut nodes = BTreeSet::new();
        for replica in &group.replicas {
            let fresh = replicas.insert(replica.id) && replica.id < counters.next_replica;
            ensure(fresh, "replica ids were handed out and are used once", || {
                format!("replica {} of group {}, next {}", replica.id, group.id, counters.next_replica)
            })?;
            let placed = nodes.insert(replica.node) && catalog.map.node(replica.node).is_some();
            ensure(placed, "a group's replicas are on different nodes of the cluster", || {
                format!("replica {} of group {} on node {}", replica.id, group.id, replica.node)
            })?;
            let may_be = replica.state != ReplicaState::Observer || group.id == GroupId::METADATA;
            ensure(may_be, "only the metadata group is observed", || {
                format!("replica {} of group {}", replica.id, group.id)
            })?;
        }
    }
    observers(catalog)?;
    let has_both = catalog.map.group(GroupId::METADATA).is_some() && catalog.map.groups().count() > 1;
    ensure(has_both, "a cluster has the metadata group and a data group", || {
        format!("{} groups", catalog.map.groups().count())
    })
}

/// Each node that is to stay sees the catalog by a replica of its own.
fn observers(catalog: &Catalog) -> Result<(), Violation> {
    let Some(metadata) = catalog.map.group(GroupId::METADATA) else { return Ok(()) };
    for node in catalog.map.nodes().filter(|node| node.state.keeps_replicas()) {
        let own = metadata.replica_on(node.id).map(|replica| replica.state);
        let sees = own.is_some_and(|state| state != ReplicaState::Leaving);
        ensure(sees, "a node that is to stay has a replica of the metadata group", || {
            format!("node {} is {:?}, its replica {own:?}", node.id, node.state)
        })?;
    }
    Ok(())
}

//! How a directory that belongs to no cluster comes to one (D14): it founds one where that was asked
//! for, or asks the members that it was told of.

use super::error::StartError;
use crate::config::{ClusterStart, HostPort, NodeConfig};
use crate::data_dir::{DataDir, EmptyDir, Identity};
use crate::listeners::Bound;
use crate::node::peers::peer_options;
use anabranch_catalog::NodeAddresses;
use anabranch_cluster::{JoinReply, JoinRequest, PeerOptions, Welcome, join};
use anabranch_runtime::{Backoff, BackoffLimits, Env};
use std::time::Duration;

/// How long one member may take to answer: it asks the catalog, which may elect a leader meanwhile.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// Waits between two rounds of asking.
const ROUNDS: BackoffLimits =
    BackoffLimits { first: Duration::from_millis(100), longest: Duration::from_secs(2), waits_max: None };

/// Makes the directory a node's. Asks until it is answered; to be dropped when the node is told to stop.
///
/// # Errors
/// [`StartError`] when nobody asked for a cluster, or the cluster refuses the directory.
pub(crate) async fn enter(
    config: &NodeConfig,
    directory: EmptyDir,
    bound: Bound,
    env: &Env,
) -> Result<DataDir, StartError> {
    let random = &*env.random;
    match &config.cluster {
        ClusterStart::Alone | ClusterStart::Bootstrap => Ok(directory.found(random)?),
        ClusterStart::Existing => Err(StartError::NoCluster { dir: directory.path().to_owned() }),
        ClusterStart::Join(members) => {
            let asking = Asking::new(config, &directory, bound, env)?;
            let welcome = asking.until_welcome(members, |_| false).await?;
            asking.enter(directory, welcome)
        }
        ClusterStart::Static { own, nodes } => {
            let asking = Asking::new(config, &directory, bound, env)?;
            let others: Vec<_> = nodes.iter().filter(|node| node.id != *own).map(|node| node.peer.clone()).collect();
            let is_lowest = nodes.iter().all(|node| *own <= node.id);
            // The others may have founded it long ago, and this directory be a new one.
            let welcome = asking.until_welcome(&others, |nobody_has_one| is_lowest && nobody_has_one).await?;
            asking.enter(directory, welcome)
        }
    }
}

/// What is asked, and how.
struct Asking<'a> {
    request: JoinRequest,
    options: PeerOptions,
    env: &'a Env,
}

impl<'a> Asking<'a> {
    fn new(config: &NodeConfig, directory: &EmptyDir, bound: Bound, env: &'a Env) -> Result<Self, StartError> {
        let incarnation = directory.incarnation(&*env.random)?;
        let addresses = addresses(config, bound)?;
        let request = JoinRequest { incarnation, addresses, feature_level: config.feature_level };
        Ok(Asking { request, options: peer_options(config), env })
    }

    /// Asks the members in turn until one has answered; none when `give_up` says so to a round in
    /// which all of them (or not all) have said that they have no cluster.
    async fn until_welcome(
        &self,
        members: &[HostPort],
        give_up: impl Fn(bool) -> bool,
    ) -> Result<Option<Welcome>, StartError> {
        let mut backoff = Backoff::new(ROUNDS);
        loop {
            let mut without_cluster = 0;
            for member in members {
                let options = self.options.clone();
                let answer = join(member.as_str(), &self.request, options, self.env, ANSWER_PATIENCE).await;
                match answer {
                    Ok(JoinReply::Welcome(welcome)) => return Ok(Some(welcome)),
                    Ok(JoinReply::NoCluster) => without_cluster += 1,
                    Ok(JoinReply::Refused { reason }) => return Err(StartError::Refused { reason }),
                    Err(error) => tracing::info!(%error, "no answer yet from a member of the cluster"),
                }
            }
            if give_up(without_cluster == members.len()) {
                return Ok(None);
            }
            tracing::info!(asked = members.len(), without_cluster, "asking to join goes on");
            self.env.sleep(backoff.next_wait(&*self.env.random).unwrap_or(ROUNDS.longest)).await;
        }
    }

    /// Founds a cluster where nobody has one.
    fn enter(&self, directory: EmptyDir, welcome: Option<Welcome>) -> Result<DataDir, StartError> {
        let Some(Welcome { cluster, node, metadata_replica }) = welcome else {
            return Ok(directory.found(&*self.env.random)?);
        };
        tracing::info!(%cluster, %node, "joined the cluster");
        let incarnation = self.request.incarnation;
        Ok(directory.become_of(Identity { cluster, node, incarnation, metadata_replica })?)
    }
}

/// Tells the configured members where a node is that has nothing of the catalog yet: its leader may
/// know an old address. Nothing comes of it where nobody was named or nobody answers.
pub(super) async fn tell_where_it_is(
    config: &NodeConfig,
    identity: &Identity,
    bound: Bound,
    env: &Env,
) -> Result<(), StartError> {
    let members: Vec<&HostPort> = match &config.cluster {
        ClusterStart::Join(members) => members.iter().collect(),
        ClusterStart::Static { own, nodes } => {
            nodes.iter().filter(|node| node.id != *own).map(|node| &node.peer).collect()
        }
        ClusterStart::Alone | ClusterStart::Bootstrap | ClusterStart::Existing => Vec::new(),
    };
    let (incarnation, addresses) = (identity.incarnation, addresses(config, bound)?);
    let request = JoinRequest { incarnation, addresses, feature_level: config.feature_level };
    for member in members {
        match join(member.as_str(), &request, peer_options(config), env, ANSWER_PATIENCE).await {
            Ok(JoinReply::Welcome(welcome)) if welcome.node == identity.node => return Ok(()),
            Ok(JoinReply::Welcome(welcome)) => {
                let reason = format!("it knows this directory as node {}, not {}", welcome.node, identity.node);
                return Err(StartError::Refused { reason });
            }
            Ok(JoinReply::Refused { reason }) => return Err(StartError::Refused { reason }),
            Ok(JoinReply::NoCluster) => {}
            Err(error) => tracing::info!(%error, "no answer yet from a member of the cluster"),
        }
    }
    Ok(())
}

/// Where clients and other nodes reach this one.
pub(super) fn addresses(config: &NodeConfig, bound: Bound) -> Result<NodeAddresses, StartError> {
    let peer = bound.peer.map(|address| config.advertised_peer(address)).unwrap_or_default();
    Ok(NodeAddresses::new(&peer, &bound.plain.to_string())?)
}

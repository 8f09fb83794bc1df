//! What one node is told at start, from flags or from a file, checked before anything runs.
//!
//! `dev` builds a [`NodeConfig`] from its flags (`cli.rs`), `server` reads one from TOML
//! (`file.rs`); the assembly sees only the result.

mod cluster;
mod cluster_file;
mod error;
mod example;
mod file;
mod host_port;
mod peer_secret;
mod secret;
mod stream_spec;

pub use cluster::{ClusterStart, STATIC_NODES_MAX, StaticNode};
pub use error::ConfigError;
pub use example::EXAMPLE;
pub use file::Beside;
pub use host_port::{HostPort, InvalidHostPort};
pub use peer_secret::{InvalidPeerSecret, PeerSecret, SECRET_VARIABLE};
pub use secret::Secret;
pub use stream_spec::{InvalidStreamSpec, StreamSpec};

use anabranch_runtime::TASK_SPAN_TARGET;
use anabranch_telemetry::{LogFilter, LogFormat, OtlpEndpoint, TelemetryOptions};
use anabranch_types::{AccountId, NodeId};
use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

/// Where clients reach a node that was told nothing else.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4567));
/// Where clients reach it by TLS.
pub const TLS_LISTEN_DEFAULT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4568));
/// Where its data is kept.
pub const DATA_DIR_DEFAULT: &str = "./anabranch-data";
/// Data groups that are made when the cluster is bootstrapped. Source: D1, two-core machines.
pub const GROUPS_DEFAULT: u32 = 4;
/// The most data groups that one cluster starts with. Source: D1, 32 replicas on 32 nodes.
pub const GROUPS_MAX: u32 = 1_024;
/// How long a stopping node may take to finish what it has begun.
pub const DRAIN_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// What is logged unless told otherwise.
pub const LOG_FILTER_DEFAULT: &str = "info,openraft=error";

const MIB: u64 = 1024 * 1024;

/// Everything one node is told at start. Built by [`NodeConfig::from_file`] and by
/// `DevArgs::config`; both end in [`NodeConfig::validated`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// Where data lives.
    pub data_dir: DataDirChoice,
    /// Where clients connect without TLS.
    pub listen: SocketAddr,
    /// Where clients connect with TLS; none for no such port.
    pub tls_listen: Option<SocketAddr>,
    /// The certificate of the TLS port; none for a self-signed one, made on first start.
    pub tls: Option<TlsFiles>,
    /// Where other nodes connect; none for a node that no other can reach. Beyond loopback only
    /// with `secret` (D14).
    pub peer_listen: Option<SocketAddr>,
    /// Where the others are told to connect; none for [`NodeConfig::advertised_peer`] to say.
    pub advertise_peer: Option<HostPort>,
    /// How an empty directory gets its cluster.
    pub cluster: ClusterStart,
    /// What all nodes of the cluster know and nobody else does.
    pub secret: Option<PeerSecret>,
    /// What fails together with this node, such as a rack; empty where nobody has said.
    pub zone: String,
    /// The account that owns all streams.
    pub account: AccountId,
    /// Whether shards have the limits of AWS.
    pub limits: ShardLimits,
    /// Who may call.
    pub access: Access,
    /// The feature level that the node takes part at: that of its build, or a lower one, for proving
    /// what a cluster of different builds does (D15).
    pub feature_level: u16,
    /// Data groups made at bootstrap, from 1 to [`GROUPS_MAX`]; ignored afterwards.
    pub groups: u32,
    /// Streams that are created at start where they do not exist.
    pub streams: Vec<StreamSpec>,
    /// The shared log.
    pub log: LogConfig,
    /// Budgets of memory.
    pub memory: MemoryConfig,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// How long a stopping node may take to finish what it has begun.
    pub drain_timeout: Duration,
}

/// Where data lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataDirChoice {
    /// In this directory, for ever.
    Kept(PathBuf),
    /// In a temporary directory that is removed at exit.
    Ephemeral,
}

/// A certificate and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to its root.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// Who vouches for clients that come with a certificate, for gRPC; none asks for none.
    pub client_authority: Option<PathBuf>,
}

/// Whether shards have the limits of AWS (D6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShardLimits {
    /// 1 MiB/s and 1,000 records/s in, 2 MiB/s and 5 calls/s out.
    #[default]
    Aws,
    /// None.
    Off,
}

/// Who may call (D13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Anyone whose signature has the right form; `dev` only.
    Anyone,
    /// Who signs with one of these; never empty.
    Credentials(Vec<Credential>),
}

/// An access key and the secret that signs with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The public half, as it appears in the `Credential` of a signature.
    pub access_key: String,
    /// The secret half; never printed.
    pub secret_key: Secret,
}

/// The shared log (D3).
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Size of one segment file, from 48 MiB (an entry holds a request of 10 MiB) to 1 GiB.
    pub segment_bytes: u64,
}

/// Budgets of memory (D16). `memtable_bytes <= budget_bytes / 4`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryConfig {
    /// Everything that grows with traffic: memtables, the log's cache and what it has yet to write,
    /// requests and answers, calls of other nodes. At least 160 MiB.
    pub budget_bytes: u64,
    /// The part of the budget for state that is not flushed yet. At least 8 MiB.
    pub memtable_bytes: u64,
    /// Cache of state read from disk; on top of the budget.
    pub block_cache_bytes: u64,
}

/// Logs and traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// Which events are logged.
    pub log_filter: LogFilter,
    /// For people or for machines.
    pub log_format: LogFormat,
    /// Where traces are sent by OTLP over gRPC; none for no traces.
    pub otlp_endpoint: Option<OtlpEndpoint>,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { segment_bytes: 64 * MIB }
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        MemoryConfig { budget_bytes: 384 * MIB, memtable_bytes: 96 * MIB, block_cache_bytes: 64 * MIB }
    }
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        let log_filter = LOG_FILTER_DEFAULT.parse().expect("the default is a list of directives");
        TelemetryConfig { log_filter, log_format: LogFormat::Text, otlp_endpoint: None }
    }
}

impl TelemetryConfig {
    /// What telemetry is started with on `node`. Spans of tasks stay out of traces.
    pub fn options(&self, node: Option<NodeId>) -> TelemetryOptions {
        TelemetryOptions {
            log_filter: self.log_filter.clone(),
            log_format: self.log_format,
            otlp_endpoint: self.otlp_endpoint.clone(),
            service_name: "anabranch".to_owned(),
            node: node.map_or_else(|| "new".to_owned(), |node| node.to_string()),
            untraced_targets: &[TASK_SPAN_TARGET],
        }
    }
}

/// A rule that a configuration breaks.
struct Broken {
    /// The key, with its tables.
    key: &'static str,
    /// Which of the table's elements, from 0, where it is a list of them.
    element: usize,
    /// What holds for every good value.
    rule: Cow<'static, str>,
}

impl NodeConfig {
    /// This configuration, once every rule holds that no single value can tell.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] names the key and the rule it breaks.
    pub fn validated(self) -> Result<Self, ConfigError> {
        match self.broken_rule() {
            // The command line has no tables.
            Some(Broken { key, rule, .. }) => {
                Err(ConfigError::Invalid { key: key.strip_prefix("cluster.").unwrap_or(key), rule })
            }
            None => Ok(self),
        }
    }

    fn broken_rule(&self) -> Option<Broken> {
        let odd_access_key = self.odd_access_key();
        let rules = [
            ("groups", (1..=GROUPS_MAX).contains(&self.groups), "must be from 1 to 1024"),
            ("tls", self.tls.is_none() || self.tls_listen.is_some(), "needs tls_listen"),
            ("tls_listen", !self.shares_a_port(), "must not be the same as listen"),
            ("credentials", self.has_callers(), "must list at least one"),
            ("credentials.access_key", odd_access_key.is_none(), "must be 1 to 128 of [A-Za-z0-9_], and unique"),
            ("drain_timeout_seconds", !self.drain_timeout.is_zero(), "must be at least 1"),
            (
                "log.segment_bytes",
                (48 * MIB..=1024 * MIB).contains(&self.log.segment_bytes),
                "must be from 50331648 to 1073741824",
            ),
            ("memory.budget_bytes", self.memory.budget_bytes >= 160 * MIB, "must be at least 167772160"),
            ("memory.memtable_bytes", self.memory.memtable_bytes >= 8 * MIB, "must be at least 8388608"),
            (
                "memory.memtable_bytes",
                self.memory.memtable_bytes <= self.memory.budget_bytes / 4,
                "must be at most a quarter of memory.budget_bytes",
            ),
        ];
        let broken = rules.into_iter().find(|(_, holds, _)| !holds);
        let element = odd_access_key.unwrap_or(0);
        let broken = broken.map(|(key, _, rule)| Broken { key, element, rule: Cow::Borrowed(rule) });
        broken.or_else(|| self.broken_cluster_rule())
    }

    /// Port 0 is any free port, twice never the same.
    fn shares_a_port(&self) -> bool {
        self.listen.port() != 0 && self.tls_listen == Some(self.listen)
    }

    fn has_callers(&self) -> bool {
        match &self.access {
            Access::Anyone => true,
            Access::Credentials(credentials) => !credentials.is_empty(),
        }
    }

    /// The first access key that cannot be used. Source: AWS IAM, AccessKey, for the characters and
    /// the length.
    fn odd_access_key(&self) -> Option<usize> {
        let Access::Credentials(credentials) = &self.access else { return None };
        let mut seen = std::collections::BTreeSet::new();
        credentials.iter().position(|credential| {
            let key = &credential.access_key;
            let fits = (1..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            !fits || !seen.insert(key)
        })
    }
}

#[cfg(test)]
mod tests;

//! The configuration file of `anabranch server`: TOML, in which every key is known.

use super::cluster_file::ClusterFile;
use super::{
    Access, Broken, ClusterStart, ConfigError, Credential, DRAIN_TIMEOUT_DEFAULT, DataDirChoice, GROUPS_DEFAULT,
    LogConfig, MemoryConfig, NodeConfig, PeerSecret, ShardLimits, TelemetryConfig, TlsFiles,
};
use anabranch_catalog::FEATURE_LEVEL;
use anabranch_telemetry::{LogFilter, LogFormat, OtlpEndpoint};
use anabranch_types::AccountId;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The file's keys, as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    data_dir: PathBuf,
    listen: SocketAddr,
    tls_listen: Option<SocketAddr>,
    tls: Option<TlsFiles>,
    #[serde(default = "default_account", deserialize_with = "account")]
    account: AccountId,
    #[serde(default)]
    limits: ShardLimits,
    #[serde(default = "default_groups")]
    groups: u32,
    #[serde(default = "default_drain_timeout_seconds")]
    drain_timeout_seconds: u32,
    credentials: Vec<Credential>,
    #[serde(default)]
    log: LogConfig,
    #[serde(default)]
    memory: MemoryConfig,
    #[serde(default)]
    telemetry: TelemetryFile,
    #[serde(default)]
    cluster: ClusterFile,
}

/// What the command line and the environment say beside the file.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// In the place of the file's `bootstrap`, `join` and `nodes`.
    pub start: Option<ClusterStart>,
    /// Where the file names no `secret_file`.
    pub secret: Option<PeerSecret>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct TelemetryFile {
    #[serde(deserialize_with = "parsed")]
    log_filter: Option<LogFilter>,
    #[serde(deserialize_with = "parsed")]
    log_format: Option<LogFormat>,
    #[serde(deserialize_with = "parsed")]
    otlp_endpoint: Option<OtlpEndpoint>,
}

impl NodeConfig {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] with the line and the key, where there is one.
    pub fn from_file(path: &Path, beside: Beside) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        NodeConfig::from_toml_beside(path, &text, beside)
    }

    /// Reads `text`, the content of the file at `path`, with nothing beside it.
    ///
    /// # Errors
    /// As [`NodeConfig::from_file`].
    pub fn from_toml(path: &Path, text: &str) -> Result<Self, ConfigError> {
        NodeConfig::from_toml_beside(path, text, Beside::default())
    }

    fn from_toml_beside(path: &Path, text: &str, beside: Beside) -> Result<Self, ConfigError> {
        let file: FileConfig = toml::from_str(text).map_err(|error| ConfigError::refused(path, text, &error))?;
        let breaks = |broken: Broken| ConfigError::breaks(path, text, &broken);
        let config = file.into_node_config(beside).map_err(breaks)?;
        match config.broken_rule() {
            Some(broken) => Err(breaks(broken)),
            None => Ok(config),
        }
    }
}

impl FileConfig {
    fn into_node_config(self, beside: Beside) -> Result<NodeConfig, Broken> {
        let defaults = TelemetryConfig::default();
        Ok(NodeConfig {
            data_dir: DataDirChoice::Kept(self.data_dir),
            listen: self.listen,
            tls_listen: self.tls_listen,
            tls: self.tls,
            peer_listen: self.cluster.peer_listen,
            advertise_peer: self.cluster.advertise_peer.clone(),
            cluster: beside.start.map_or_else(|| self.cluster.start(), Ok)?,
            secret: self.cluster.secret()?.or(beside.secret),
            zone: self.cluster.zone,
            account: self.account,
            limits: self.limits,
            access: Access::Credentials(self.credentials),
            feature_level: FEATURE_LEVEL,
            groups: self.groups,
            streams: Vec::new(),
            log: self.log,
            memory: self.memory,
            telemetry: TelemetryConfig {
                log_filter: self.telemetry.log_filter.unwrap_or(defaults.log_filter),
                log_format: self.telemetry.log_format.unwrap_or(defaults.log_format),
                otlp_endpoint: self.telemetry.otlp_endpoint,
            },
            drain_timeout: Duration::from_secs(self.drain_timeout_seconds.into()),
        })
    }
}

fn default_account() -> AccountId {
    AccountId::DEFAULT
}

fn default_groups() -> u32 {
    GROUPS_DEFAULT
}

fn default_drain_timeout_seconds() -> u32 {
    u32::try_from(DRAIN_TIMEOUT_DEFAULT.as_secs()).expect("the default is seconds, not centuries")
}

fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountId, D::Error> {
    let text = String::deserialize(deserializer)?;
    AccountId::parse(&text).ok_or_else(|| D::Error::custom("an account is twelve digits in quotes"))
}

/// A text of the file that has a form of its own.
fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

//! The command line: what can be asked for, and how flags become a configuration.
//!
//! Every option has an environment variable of the same name, `ANABRANCH_<OPTION>`; a flag
//! wins over it.

mod endpoint;
mod operator;

pub use endpoint::{Endpoint, InvalidEndpoint};
pub use operator::{GroupCommand, MoveArgs, NodeArgs, NodeCommand};

use crate::config::{
    Access, Beside, ClusterStart, ConfigError, DATA_DIR_DEFAULT, DRAIN_TIMEOUT_DEFAULT, DataDirChoice, GROUPS_DEFAULT,
    HostPort, InvalidPeerSecret, LISTEN_DEFAULT, LOG_FILTER_DEFAULT, LogConfig, MemoryConfig, NodeConfig, PeerSecret,
    SECRET_VARIABLE, ShardLimits, StreamSpec, TLS_LISTEN_DEFAULT, TelemetryConfig,
};
use anabranch_catalog::FEATURE_LEVEL;
use anabranch_telemetry::{LogFilter, LogFormat, OtlpEndpoint};
use anabranch_types::AccountId;
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A stream broker with the semantics and the wire protocol of Amazon Kinesis Data Streams.
#[derive(Debug, Parser)]
#[command(name = "anabranch", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run every role in one process, for anyone on this machine: nothing to configure.
    Dev(Box<DevArgs>),
    /// Run a node as its configuration file says; credentials are required.
    Server(ServerArgs),
    /// Show a node, its groups and where shards live.
    Status(AskArgs),
    /// List the nodes of a cluster, or tell one what is wanted of it.
    #[command(subcommand)]
    Node(NodeCommand),
    /// List the replication groups of a cluster, or move a replica.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Help with the configuration file of a server.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Help with the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Print a complete configuration that starts as it stands.
    Example,
}

/// Flags of `anabranch dev`: every role in one process, for anyone on this machine.
#[derive(Debug, Clone, Args)]
pub struct DevArgs {
    /// Where data is kept.
    #[arg(long, env = "ANABRANCH_DATA_DIR", value_name = "DIR", default_value = DATA_DIR_DEFAULT)]
    pub data_dir: PathBuf,
    /// Where clients connect.
    #[arg(long, env = "ANABRANCH_LISTEN", value_name = "ADDRESS", default_value_t = LISTEN_DEFAULT)]
    pub listen: SocketAddr,
    /// Where clients connect with TLS [default: 127.0.0.1:4568; with --nodes the port after --listen].
    #[arg(long, env = "ANABRANCH_TLS_LISTEN", value_name = "ADDRESS")]
    pub tls_listen: Option<SocketAddr>,
    /// Shards without the limits of AWS.
    #[arg(long, env = "ANABRANCH_NO_LIMITS", value_parser = BoolishValueParser::new())]
    pub no_limits: bool,
    /// Keep data in a temporary directory that is removed at exit.
    #[arg(long, env = "ANABRANCH_EPHEMERAL", value_parser = BoolishValueParser::new())]
    pub ephemeral: bool,
    /// Create this stream where it does not exist; may be given often.
    #[arg(long = "stream", env = "ANABRANCH_STREAM", value_name = "NAME:SHARDS", value_delimiter = ',')]
    pub streams: Vec<StreamSpec>,
    /// The account that owns all streams: twelve digits.
    #[arg(long, env = "ANABRANCH_ACCOUNT", value_name = "DIGITS", default_value_t = AccountId::DEFAULT, value_parser = account)]
    pub account: AccountId,
    /// Take part as a build of this feature level would; for proofs of upgrades.
    #[arg(long, env = "ANABRANCH_FEATURE_LEVEL", hide = true, value_parser = value_parser!(u16).range(1..=FEATURE_LEVEL as i64))]
    pub feature_level: Option<u16>,
    /// Replication groups for data, made on the first start.
    #[arg(long, env = "ANABRANCH_GROUPS", value_name = "COUNT", default_value_t = GROUPS_DEFAULT)]
    pub groups: u32,
    /// This many nodes on this machine, each a process of its own.
    #[arg(long, env = "ANABRANCH_NODES", value_name = "COUNT", value_parser = value_parser!(u8).range(1..=9),
          conflicts_with_all = ["peer_listen", "advertise_peer", "join", "zone"])]
    pub nodes: Option<u8>,
    /// The node's part in a cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Logs and traces.
    #[command(flatten)]
    pub telemetry: TelemetryArgs,
}

/// Flags of `anabranch dev` for a node that is not alone.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Where other nodes connect.
    #[arg(long, env = "ANABRANCH_PEER_LISTEN", value_name = "ADDRESS")]
    pub peer_listen: Option<SocketAddr>,
    /// Where other nodes are told to connect [default: --peer-listen].
    #[arg(long, env = "ANABRANCH_ADVERTISE_PEER", value_name = "HOST:PORT", requires = "peer_listen")]
    pub advertise_peer: Option<HostPort>,
    /// Join the cluster of this node, at its --peer-listen; may be given often.
    #[arg(long, env = "ANABRANCH_JOIN", value_name = "HOST:PORT", value_delimiter = ',', requires = "peer_listen")]
    pub join: Vec<HostPort>,
    /// A file with what all nodes of the cluster know and nobody else does.
    #[arg(long, env = "ANABRANCH_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// What fails together with this node, such as a rack.
    #[arg(long, env = "ANABRANCH_ZONE", value_name = "NAME", default_value = "", hide_default_value = true)]
    pub zone: String,
}

/// Flags for logs and traces.
#[derive(Debug, Clone, Args)]
pub struct TelemetryArgs {
    /// Which events are logged to stderr: level or target=level, separated by commas.
    #[arg(long, env = "ANABRANCH_LOG_FILTER", value_name = "FILTER", default_value = LOG_FILTER_DEFAULT)]
    pub log_filter: LogFilter,
    /// How they are written: text or json.
    #[arg(long, env = "ANABRANCH_LOG_FORMAT", value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Where traces are sent by OTLP over gRPC, such as http://localhost:4317; https:// for TLS.
    #[arg(long, env = "ANABRANCH_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<OtlpEndpoint>,
}

/// Flags of `anabranch server`.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// The configuration file; `anabranch config example` prints one.
    #[arg(long, env = "ANABRANCH_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    /// Make a new cluster where the directory is empty; the file's list and join do not count then.
    #[arg(long, env = "ANABRANCH_BOOTSTRAP", value_parser = BoolishValueParser::new())]
    pub bootstrap: bool,
    /// Join the cluster of this node, at its peer_listen, in the place of what the file says; may be
    /// given often.
    #[arg(long, env = "ANABRANCH_JOIN", value_name = "HOST:PORT", value_delimiter = ',', conflicts_with = "bootstrap")]
    pub join: Vec<HostPort>,
}

/// Which node is asked, and how its answer is printed.
#[derive(Debug, Clone, Args)]
pub struct AskArgs {
    /// The node to ask.
    #[arg(long, env = "ANABRANCH_ENDPOINT", value_name = "URL", default_value = "http://127.0.0.1:4567")]
    pub endpoint: Endpoint,
    /// For people or for machines.
    #[arg(long, env = "ANABRANCH_OUTPUT", value_name = "FORMAT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Tables for people.
    Text,
    /// One JSON document.
    Json,
}

impl DevArgs {
    /// The configuration that the flags mean.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when the values do not fit together.
    pub fn config(self) -> Result<NodeConfig, ConfigError> {
        let data_dir = if self.ephemeral { DataDirChoice::Ephemeral } else { DataDirChoice::Kept(self.data_dir) };
        let config = NodeConfig {
            data_dir,
            listen: self.listen,
            tls_listen: Some(self.tls_listen.unwrap_or(TLS_LISTEN_DEFAULT)),
            tls: None,
            peer_listen: self.cluster.peer_listen,
            secret: self.cluster.secret()?,
            advertise_peer: self.cluster.advertise_peer,
            cluster: match self.cluster.join {
                join if join.is_empty() => ClusterStart::Alone,
                join => ClusterStart::Join(join),
            },
            zone: self.cluster.zone,
            account: self.account,
            limits: if self.no_limits { ShardLimits::Off } else { ShardLimits::Aws },
            access: Access::Anyone,
            feature_level: self.feature_level.unwrap_or(FEATURE_LEVEL),
            groups: self.groups,
            streams: self.streams,
            log: LogConfig::default(),
            memory: MemoryConfig::default(),
            telemetry: TelemetryConfig {
                log_filter: self.telemetry.log_filter,
                log_format: self.telemetry.log_format,
                otlp_endpoint: self.telemetry.otlp_endpoint,
            },
            drain_timeout: DRAIN_TIMEOUT_DEFAULT,
        };
        config.validated()
    }
}

impl ClusterArgs {
    /// The secret of the named file, else of the environment.
    fn secret(&self) -> Result<Option<PeerSecret>, ConfigError> {
        match &self.secret_file {
            Some(path) => PeerSecret::from_file(path).map(Some).map_err(|error| invalid("secret_file", &error)),
            None => secret_of_the_environment(),
        }
    }
}

impl ServerArgs {
    /// Reads the configuration file. The command line wins.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn config(self) -> Result<NodeConfig, ConfigError> {
        let start = match self.join {
            join if !join.is_empty() => Some(ClusterStart::Join(join)),
            _ => self.bootstrap.then_some(ClusterStart::Bootstrap),
        };
        NodeConfig::from_file(&self.config, Beside { start, secret: secret_of_the_environment()? })
    }
}

fn secret_of_the_environment() -> Result<Option<PeerSecret>, ConfigError> {
    PeerSecret::from_environment().map_err(|error| invalid(SECRET_VARIABLE, &error))
}

fn invalid(key: &'static str, error: &InvalidPeerSecret) -> ConfigError {
    ConfigError::Invalid { key, rule: Cow::Owned(error.to_string()) }
}

/// The text is not an account.
#[derive(Debug, thiserror::Error)]
#[error("an account is twelve digits")]
struct NotAnAccount;

fn account(text: &str) -> Result<AccountId, NotAnAccount> {
    AccountId::parse(text).ok_or(NotAnAccount)
}

#[cfg(test)]
mod tests;

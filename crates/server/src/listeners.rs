//! Binding ports, and what to say about them: ready, or reachable by strangers.

use crate::config::{Access, NodeConfig};
use anabranch_types::NodeId;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::TcpListener;

/// A port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process listens there.
    #[error("port {} is taken: another process listens on {address}", address.port())]
    PortTaken {
        /// The address as configured.
        address: SocketAddr,
    },
    /// The machine refuses.
    #[error("cannot listen on {address}")]
    Refused {
        /// The address as configured.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Listens on `address`; port 0 takes any free one.
///
/// # Errors
/// [`ListenError`].
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => ListenError::PortTaken { address },
        _ => ListenError::Refused { address, source },
    })
}

/// The addresses that a node is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Without TLS.
    pub plain: SocketAddr,
    /// With TLS.
    pub tls: Option<SocketAddr>,
    /// For other nodes.
    pub peer: Option<SocketAddr>,
}

impl Bound {
    /// One line, which scripts wait for (docs/CLI.md): `anabranch ready api=http://127.0.0.1:4567
    /// tls=https://127.0.0.1:4568 node=1 data=./anabranch-data`. Without a TLS port there is no
    /// `tls=`. The directory comes last, so that one with spaces reads to the end of the line.
    pub fn ready_line(&self, node: NodeId, data_dir: &Path) -> String {
        let tls = self.tls.map(|address| format!(" tls=https://{address}")).unwrap_or_default();
        format!("anabranch ready api=http://{}{tls} node={node} data={}", self.plain, data_dir.display())
    }
}

/// Prints the ready line to stdout: the one thing a node ever prints there. To be called once
/// every port is bound and every part serves.
pub fn announce_ready(bound: &Bound, node: NodeId, data_dir: &Path) {
    announce(&bound.ready_line(node, data_dir));
}

/// Prints `line` to stdout for whoever started this process. Where nobody reads any more, the
/// process serves all the same.
pub fn announce(line: &str) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        tracing::warn!(%error, line, "nobody reads stdout");
    }
}

/// What to warn of when a port can be reached from beyond this machine; none where all is well.
pub fn exposure_warning(config: &NodeConfig) -> Option<String> {
    let exposed = |address: SocketAddr| !address.ip().is_loopback();
    let plain = exposed(config.listen);
    let tls = config.tls_listen.filter(|address| exposed(*address));
    match &config.access {
        Access::Anyone if plain || tls.is_some() => {
            let address = if plain { Some(config.listen) } else { tls };
            let address = address.map(|address| address.to_string()).unwrap_or_default();
            Some(format!(
                "{address} is reachable from beyond this machine and takes any credentials: whoever reaches it can read, write and delete every stream"
            ))
        }
        Access::Credentials(_) if plain => Some(format!(
            "{} is reachable from beyond this machine without TLS: whoever is on the way can read every record",
            config.listen
        )),
        Access::Anyone | Access::Credentials(_) => None,
    }
}

/// Prints the warning to stderr, whatever the log filter says.
#[allow(clippy::print_stderr, reason = "no log filter may hide this warning")]
pub fn warn_of_exposure(config: &NodeConfig) {
    if let Some(warning) = exposure_warning(config) {
        eprintln!("\nWARNING: {warning}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    fn config(listen: &str, tls_listen: &str, access: Option<Access>) -> NodeConfig {
        let config = NodeConfig::from_toml(Path::new("node.toml"), EXAMPLE).expect("the example");
        let access = access.unwrap_or(config.access);
        let parse = |text: &str| text.parse().expect("an address");
        NodeConfig { listen: parse(listen), tls_listen: Some(parse(tls_listen)), access, ..config }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let first = listen("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
        let address = first.local_addr().expect("it is bound");
        let error = listen(address).await.expect_err("the port is taken");
        let port = address.port();
        assert_eq!(error.to_string(), format!("port {port} is taken: another process listens on 127.0.0.1:{port}"));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        let error = listen("192.0.2.1:0".parse().expect("an address")).await.expect_err("not ours");
        assert!(matches!(error, ListenError::Refused { .. }), "{error}");
    }

    #[test]
    fn the_ready_line_names_every_port() {
        let plain = "127.0.0.1:4567".parse().expect("an address");
        let tls = "[::1]:4568".parse().ok();
        let line = Bound { plain, tls, peer: None }.ready_line(NodeId(1), Path::new("/data dir"));
        assert_eq!(line, "anabranch ready api=http://127.0.0.1:4567 tls=https://[::1]:4568 node=1 data=/data dir");
        let line = Bound { plain, tls: None, peer: None }.ready_line(NodeId(1), Path::new("d"));
        assert_eq!(line, "anabranch ready api=http://127.0.0.1:4567 node=1 data=d");
    }

    #[test]
    fn loopback_needs_no_warning() {
        assert_eq!(exposure_warning(&config("127.0.0.1:1", "[::1]:2", Some(Access::Anyone))), None);
    }

    #[test]
    fn any_credentials_beyond_loopback_are_warned_of_with_and_without_tls() {
        for (listen, tls_listen, named) in
            [("0.0.0.0:1", "127.0.0.1:2", "0.0.0.0:1"), ("127.0.0.1:1", "[::]:2", "[::]:2")]
        {
            let warning = exposure_warning(&config(listen, tls_listen, Some(Access::Anyone))).expect("a warning");
            assert!(warning.starts_with(named) && warning.contains("takes any credentials"), "{warning}");
        }
    }

    #[test]
    fn credentials_beyond_loopback_are_fine_with_tls_only() {
        assert_eq!(exposure_warning(&config("127.0.0.1:1", "0.0.0.0:2", None)), None);
        assert!(
            exposure_warning(&config("0.0.0.0:1", "0.0.0.0:2", None)).is_some_and(|text| text.contains("without TLS"))
        );
    }
}

//! `anabranch status`: asks a node for its status and prints it.

use crate::cli::{Endpoint, Output, StatusArgs};
use crate::health::Verdict;
use crate::status::NodeStatus;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read: 20,000 shards take about 3 MiB.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// The node did not tell its status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Nobody answers.
    #[error("no answer from {endpoint}: is the node running?")]
    Unreachable {
        /// Who was asked.
        endpoint: Endpoint,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It has none yet.
    #[error("{endpoint} has no status to tell: {}", reasons.join("; "))]
    NotYet {
        /// Who was asked.
        endpoint: Endpoint,
        /// What the node says.
        reasons: Vec<String>,
    },
    /// Somebody else answers, or a node of another version.
    #[error("{endpoint} did not answer as an anabranch node: {reason}")]
    NotANode {
        /// Who was asked.
        endpoint: Endpoint,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// The node's status, as it is to be printed.
///
/// # Errors
/// [`StatusError`].
pub fn status(args: &StatusArgs) -> Result<String, StatusError> {
    let status = ask(&args.endpoint)?;
    Ok(match args.output {
        Output::Text => status.to_text(),
        Output::Json => status.to_json(),
    })
}

/// The status that the node at `endpoint` tells.
///
/// # Errors
/// [`StatusError`].
pub fn ask(endpoint: &Endpoint) -> Result<NodeStatus, StatusError> {
    let body = get(endpoint)?;
    serde_json::from_str(&body)
        .map_err(|error| StatusError::NotANode { endpoint: endpoint.clone(), reason: error.to_string() })
}

/// One HTTP/1.0 request: the whole answer ends with the connection.
fn get(endpoint: &Endpoint) -> Result<String, StatusError> {
    let unreachable = |source| StatusError::Unreachable { endpoint: endpoint.clone(), source };
    let mut connection = TcpStream::connect(endpoint.host()).map_err(unreachable)?;
    connection.set_read_timeout(Some(PATIENCE)).map_err(unreachable)?;
    write!(connection, "GET /status HTTP/1.0\r\nhost: {}\r\n\r\n", endpoint.host()).map_err(unreachable)?;
    let mut answer = String::new();
    connection.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).map_err(unreachable)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match (head.split_whitespace().nth(1), serde_json::from_str::<Verdict>(body)) {
        (Some("200"), _) => Ok(body.to_owned()),
        (Some("503"), Ok(verdict)) => Err(StatusError::NotYet { endpoint: endpoint.clone(), reasons: verdict.reasons }),
        (_, _) => {
            let first = head.lines().next().unwrap_or("an empty answer").to_owned();
            Err(StatusError::NotANode { endpoint: endpoint.clone(), reason: first })
        }
    }
}

//! `anabranch status`: asks a node for its status and prints it.

use super::client::{PATIENCE, exchange};
use crate::cli::{AskArgs, Endpoint, Output};
use crate::health::Verdict;
use crate::status::NodeStatus;

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
pub fn status(args: &AskArgs) -> Result<String, StatusError> {
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

/// The text of the page.
fn get(endpoint: &Endpoint) -> Result<String, StatusError> {
    let unreachable = |source| StatusError::Unreachable { endpoint: endpoint.clone(), source };
    let request = format!("GET /status HTTP/1.0\r\nhost: {}\r\n\r\n", endpoint.host());
    let answer = exchange(endpoint, &request, PATIENCE).map_err(unreachable)?;
    match (answer.status, serde_json::from_str::<Verdict>(&answer.body)) {
        (Some(200), _) => Ok(answer.body),
        (Some(503), Ok(verdict)) => Err(StatusError::NotYet { endpoint: endpoint.clone(), reasons: verdict.reasons }),
        (_, _) => Err(StatusError::NotANode { endpoint: endpoint.clone(), reason: answer.first_line }),
    }
}

//! Asks a node: one HTTP request, one answer.
//!
//! Plain HTTP/1.0: the whole answer ends with the connection. Calls of operators are signed where the
//! environment has credentials, in the variables that AWS tools read.

use crate::cli::Endpoint;
use crate::operations::COMPARE_MAX;
use crate::pages::Pages;
use crate::pages::admin::{GROUP_VERIFY, Refused};
use anabranch_aws_api::{CallSigner, Post, SecretKey};
use anabranch_runtime::Env;
use anabranch_types::Region;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a node may take to answer what it does at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read: 20,000 shards take about 3 MiB.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Whose signatures are accepted in every region where nobody said otherwise.
const REGION_DEFAULT: &str = "us-east-1";

/// A node's answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its first line.
    pub(super) first_line: String,
    /// The status in it; none where there is none.
    pub(super) status: Option<u16>,
    pub(super) body: String,
}

/// A call was not done.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answers.
    #[error("no answer from {endpoint}: is the node running?")]
    Unreachable {
        /// Who was asked.
        endpoint: Endpoint,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The node says no.
    #[error("{endpoint} refused: {message}")]
    Refused {
        /// Who was asked.
        endpoint: Endpoint,
        /// The code.
        code: String,
        /// Why.
        message: String,
    },
    /// Somebody else answers, or a node of another version.
    #[error("{endpoint} did not answer as an anabranch node: {reason}")]
    NotANode {
        /// Who was asked.
        endpoint: Endpoint,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The credentials of the environment cannot be used.
    #[error("{0}")]
    Credentials(&'static str),
}

impl CallError {
    /// Whether asking again may go better.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            CallError::Unreachable { .. } => true,
            CallError::Refused { code, .. } => code == "Unavailable" || code == "ServiceUnavailable",
            CallError::NotANode { .. } | CallError::Credentials(_) => false,
        }
    }
}

/// Makes calls of an operator to one node.
pub(super) struct Client {
    endpoint: Endpoint,
    signer: Option<CallSigner>,
    env: Env,
}

impl Client {
    /// Calls the node at `endpoint`, with the credentials of the environment where it has some.
    ///
    /// # Errors
    /// [`CallError::Credentials`] where it has half of them.
    pub(super) fn new(endpoint: &Endpoint, env: &Env) -> Result<Self, CallError> {
        Ok(Client { endpoint: endpoint.clone(), signer: signer()?, env: env.clone() })
    }

    /// Calls `path` with `input`.
    ///
    /// # Errors
    /// [`CallError`].
    pub(super) fn call<O: DeserializeOwned>(&self, path: &str, input: &impl Serialize) -> Result<O, CallError> {
        let not_a_node = |reason| CallError::NotANode { endpoint: self.endpoint.clone(), reason };
        let body = serde_json::to_string(input).expect("a call is numbers and texts");
        let request = self.request(path, &body)?;
        let unreachable = |source| CallError::Unreachable { endpoint: self.endpoint.clone(), source };
        let answer = exchange(&self.endpoint, &request, patience(path)).map_err(unreachable)?;
        if answer.status == Some(200) {
            return serde_json::from_str(&answer.body).map_err(|error| not_a_node(error.to_string()));
        }
        match serde_json::from_str(&answer.body) {
            Ok(Refused { error, message }) => {
                Err(CallError::Refused { endpoint: self.endpoint.clone(), code: error, message })
            }
            Err(_) => Err(not_a_node(answer.first_line)),
        }
    }

    fn request(&self, path: &str, body: &str) -> Result<String, CallError> {
        let (host, content_type) = (self.endpoint.host(), Pages::JSON_TYPE);
        let head = format!(
            "POST {path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n",
            body.len()
        );
        let Some(signer) = &self.signer else { return Ok(format!("{head}\r\n{body}")) };
        let post = Post { host, path, content_type, body: body.as_bytes() };
        let signed = signer.sign(&post, self.env.clock.wall());
        let signed = signed.ok_or(CallError::Credentials("AWS_ACCESS_KEY_ID is no access key"))?;
        Ok(format!("{head}x-amz-date: {}\r\nauthorization: {}\r\n\r\n{body}", signed.date, signed.authorization))
    }
}

/// The credentials of the environment.
fn signer() -> Result<Option<CallSigner>, CallError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let region = Region::parse(region.as_deref().unwrap_or(REGION_DEFAULT));
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(CallError::Credentials("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")),
        (None, Some(_)) => Err(CallError::Credentials("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not")),
        (Some(key), Some(_)) if !key.bytes().all(|b| b.is_ascii_graphic()) => {
            Err(CallError::Credentials("AWS_ACCESS_KEY_ID is no access key"))
        }
        (Some(key), Some(secret)) => {
            let region = region.ok_or(CallError::Credentials("AWS_REGION is no region"))?;
            Ok(Some(CallSigner::new(&key, SecretKey::new(secret), region)))
        }
    }
}

/// How long a node may take to answer a call of `path`: longer than it looks itself.
fn patience(path: &str) -> Duration {
    if path == GROUP_VERIFY { COMPARE_MAX + PATIENCE } else { PATIENCE }
}

/// Sends `request` and reads the answer to its end, of which each part has to come within `patience`.
///
/// # Errors
/// Nobody answers, or not in time.
pub(super) fn exchange(endpoint: &Endpoint, request: &str, patience: Duration) -> io::Result<Answer> {
    let mut connection = TcpStream::connect(endpoint.host())?;
    connection.set_read_timeout(Some(patience))?;
    connection.write_all(request.as_bytes())?;
    let mut text = String::new();
    connection.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let first_line = head.lines().next().unwrap_or("an empty answer");
    let status = first_line.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    Ok(Answer { first_line: first_line.to_owned(), status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::admin::GROUP_LIST;

    #[test]
    fn a_comparison_is_waited_for_longer_than_a_node_may_look() {
        assert!(patience(GROUP_VERIFY) > COMPARE_MAX);
        assert_eq!(patience(GROUP_LIST), PATIENCE);
    }
}

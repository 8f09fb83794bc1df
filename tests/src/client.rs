//! Kinesis over JSON: signs a request, sends it, reads the answer.

use crate::http::{Answer, Connection};
use crate::signer::Signer;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;

/// The credentials that `dev` accepts like any other and the configured `server` requires.
pub const ACCESS_KEY: &str = "anabranch";
/// The secret that belongs to [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "the-secret-of-the-proofs";

/// One client with one connection, opened when it is needed.
pub struct Client {
    address: SocketAddr,
    signer: Signer,
    connection: Option<Connection>,
}

impl Client {
    /// A client that signs rightly.
    pub fn new(address: SocketAddr) -> Self {
        Client::signing(address, Signer::new(ACCESS_KEY, SECRET_KEY))
    }

    /// A client that signs as `signer` does.
    pub fn signing(address: SocketAddr, signer: Signer) -> Self {
        Client { address, signer, connection: None }
    }

    /// Calls `operation` with a body of JSON.
    ///
    /// # Errors
    /// When the connection fails; whether the node did what was asked is then unknown.
    pub fn call(&mut self, operation: &str, body: &Value) -> io::Result<Answer> {
        self.post(operation, body.to_string().as_bytes())
    }

    /// Calls `operation` and expects it to be served.
    ///
    /// # Panics
    /// When it is not.
    pub fn must(&mut self, operation: &str, body: &Value) -> Value {
        let answer = self.call(operation, body).unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
        answer.json()
    }

    /// Calls `operation` with any body.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn post(&mut self, operation: &str, body: &[u8]) -> io::Result<Answer> {
        let headers = self.signer.sign(headers(self.address, operation), body);
        self.send("POST / HTTP/1.1", &headers, body)
    }

    /// Sends any request with its headers as they are.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn send(&mut self, line: &str, headers: &[(String, String)], body: &[u8]) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address)?,
        };
        let answer = connection.request(line, headers, body)?;
        if !answer.closes() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

/// The headers of a call before it is signed.
pub fn headers(address: SocketAddr, operation: &str) -> Vec<(String, String)> {
    let target = format!("Kinesis_20131202.{operation}");
    let headers = [
        ("host", address.to_string()),
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target", target),
    ];
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

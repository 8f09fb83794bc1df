//! The smallest HTTP/1.1 client: one connection, one request at a time, bytes under control.
//!
//! Never sends anything twice: a broken connection is an error, and the outcome of the request
//! on it is unknown.

use crate::deadline::PATIENCE;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Heads and bodies of answers are far smaller.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// An open connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// What the node answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection { stream: BufReader::new(stream) })
    }

    /// Sends `bytes` as they are.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn end(&mut self) -> io::Result<()> {
        self.stream.get_mut().shutdown(std::net::Shutdown::Write)
    }

    /// Reads and drops whatever comes until the node closes.
    pub fn drain(&mut self) {
        // A reset is as good an end as any: the caller sent nonsense.
        let _ended = io::copy(&mut self.stream, &mut io::sink());
    }

    /// Sends one request with these headers and a `content-length`, and reads its answer.
    ///
    /// # Errors
    /// What the operating system says, and `InvalidData` for what is no HTTP/1.1 answer.
    pub fn request(&mut self, line: &str, headers: &[(String, String)], body: &[u8]) -> io::Result<Answer> {
        let mut head = format!("{line}\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.send(&request)?;
        self.answer()
    }

    /// Reads one answer.
    ///
    /// # Errors
    /// As [`Connection::request`].
    pub fn answer(&mut self) -> io::Result<Answer> {
        let first = self.line()?;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| invalid(format!("no status line: {first:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid(format!("no header: {line:?}")))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if length > ANSWER_BYTES_MAX {
            return Err(invalid(format!("an answer of {length} bytes")));
        }
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    /// One line of the head, without its end.
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if (&mut self.stream).take(ANSWER_BYTES_MAX as u64).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Answer {
    /// The value of the header `name`, which is written in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the node closes the connection behind this answer.
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The body, or null where it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The error's name, from JSON or from the front end's XML; empty where there is none.
    pub fn code(&self) -> String {
        let json = self.json();
        if let Some(name) = json["__type"].as_str() {
            return name.to_owned();
        }
        let text = self.text();
        let element = text.strip_prefix('<').and_then(|rest| rest.split(['>', '/']).next());
        element.unwrap_or_default().to_owned()
    }

    /// The error's message; empty where there is none.
    pub fn message(&self) -> String {
        let json = self.json();
        json["message"].as_str().or(json["Message"].as_str()).unwrap_or_default().to_owned()
    }

    /// The body as text, for messages of failed proofs.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

//! Pages of a server, over a connection of their own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The whole answer, head and body; one whose connection is kept open all the same is read until
/// it is silent.
///
/// # Errors
/// When nobody listens.
pub fn get(address: SocketAddr, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut page = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        page.extend_from_slice(&buffer[..count]);
        if count == 0 {
            break;
        }
    }
    Ok(page)
}

/// What stands behind an answer's head; none when the head is not whole.
pub fn body(answer: &[u8]) -> Option<&[u8]> {
    const END: &[u8] = b"\r\n\r\n";
    let at = answer.windows(END.len()).position(|bytes| bytes == END)?;
    Some(&answer[at + END.len()..])
}

/// How often a node has synced its log, by its `/metrics`.
pub fn syncs_in(page: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(page);
    let line = text.lines().find_map(|line| line.strip_prefix("anabranch_log_syncs_total ").map(str::to_owned))?;
    // Only a whole line is a number; the last one may still be on its way.
    text.contains(&format!("{line}\n")).then(|| line.trim().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_syncs_is_read_once_its_line_is_whole() {
        assert_eq!(syncs_in(b"# HELP x\nanabranch_log_syncs_total 12\n"), Some(12));
        assert_eq!(syncs_in(b"# HELP x\nanabranch_log_syncs_total 12"), None);
        assert_eq!(syncs_in(b"other 1\n"), None);
    }

    #[test]
    fn a_body_stands_behind_the_head() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}"), Some(&b"{}"[..]));
        assert_eq!(body(b"HTTP/1.1 200 OK\r\n"), None);
    }
}

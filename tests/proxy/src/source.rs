//! Which node has dialled: the one whose process holds the other end of the connection.
//!
//! Linux's /proc tells. A node's process is the one that has the node's own address as a word of its command line.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The kernel may leave out a row or a file of a table that changes while it is read: so it is read again.
const LOOKS_MAX: usize = 5;

/// The node that has dialled `door` from `dialler`, among `nodes` with their addresses; none when nobody can tell,
/// as of a process that has ended.
///
/// # Errors
/// When /proc cannot be read.
pub fn node_at(
    dialler: SocketAddr,
    door: SocketAddr,
    nodes: &BTreeMap<String, SocketAddr>,
) -> io::Result<Option<String>> {
    for _ in 0..LOOKS_MAX {
        let found = look(dialler, door, nodes)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn look(dialler: SocketAddr, door: SocketAddr, nodes: &BTreeMap<String, SocketAddr>) -> io::Result<Option<String>> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let Some(inode) = inode_of(dialler, door, &table) else { return Ok(None) };
    let socket = PathBuf::from(format!("socket:[{inode}]"));
    for process in fs::read_dir("/proc")? {
        let process = process?.path();
        // Processes come and go while they are looked at.
        let Ok(words) = fs::read(process.join("cmdline")) else { continue };
        if let Some(node) = node_of(&words, nodes)
            && holds(&process, &socket)
        {
            return Ok(Some(node.to_owned()));
        }
    }
    Ok(None)
}

/// The inode of the IPv4 socket that is connected from `local` to `remote`, by a table as /proc/net/tcp has it. A
/// port is used for several connections at a time, to different ends.
fn inode_of(local: SocketAddr, remote: SocketAddr, table: &str) -> Option<&str> {
    let (local, remote) = (written(local)?, written(remote)?);
    let rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(1) == Some(&local.as_str()) && row.get(2) == Some(&remote.as_str()))
        .find_map(|row| row.get(9).copied())
}

/// As the table has an address: a number of the machine's own byte order. Source: proc_net_tcp.txt of Linux.
fn written(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port()))
}

fn node_of<'a>(command_line: &[u8], nodes: &'a BTreeMap<String, SocketAddr>) -> Option<&'a str> {
    let is_own = |address: &SocketAddr| {
        let address = address.to_string();
        command_line.split(|byte| *byte == 0).any(|word| word == address.as_bytes())
    };
    nodes.iter().find(|(_, address)| is_own(address)).map(|(node, _)| node.as_str())
}

fn holds(process: &Path, socket: &Path) -> bool {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_inode_is_that_of_the_row_with_both_ends() {
        let local: SocketAddr = "127.0.0.1:4660".parse().expect("an address");
        let remote = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let own = format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 1]));
        // The first row is what is left of an older connection of the same port to another end.
        let table = format!(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: {own}:1234 {own}:2222 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1\n   \
             1: {own}:1111 {own}:1234 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0 20 4 30 10 -1\n   \
             2: {own}:1234 {own}:1111 01 00000000:00000000 00:00000000 00000000     0        0 22 1 0 20 4 30 10 -1\n"
        );
        assert_eq!(inode_of(local, remote(0x1111), &table), Some("22"));
        assert_eq!(inode_of(local, remote(0x3333), &table), None);
    }

    #[test]
    fn a_node_is_known_by_a_whole_word_of_its_command_line() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let nodes = BTreeMap::from([("1".into(), address("127.0.0.1:40")), ("2".into(), address("127.0.0.1:400"))]);
        assert_eq!(node_of(b"anabranch\0--peer-listen\x00127.0.0.1:400\0", &nodes), Some("2"));
        assert_eq!(node_of(b"anabranch\0--join\x00127.0.0.1:400,127.0.0.1:40\0", &nodes), None);
    }

    #[test]
    fn this_process_holds_its_sockets_and_is_no_node() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let door = listener.local_addr().expect("bound");
        let dialler = TcpStream::connect(door).expect("connected");
        let local = dialler.local_addr().expect("connected");
        let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
        let inode = inode_of(local, door, &table).expect("the socket is in the table");
        assert!(holds(Path::new("/proc/self"), Path::new(&format!("socket:[{inode}]"))));
        let nodes = BTreeMap::from([("1".into(), "127.0.0.1:1".parse().expect("an address"))]);
        assert_eq!(node_at(local, door, &nodes).expect("Linux"), None);
    }
}

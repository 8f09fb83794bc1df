//! Which node has dialled: the one whose process holds the other end of the connection.
//!
//! Linux's /proc tells. A node's process is the one that has the node's own address as a word of its command line.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The node that holds the socket at `dialler`, among `nodes` with their addresses; none when nobody can tell,
/// as of a process that has ended.
///
/// # Errors
/// When /proc cannot be read.
pub fn node_at(dialler: SocketAddr, nodes: &BTreeMap<String, SocketAddr>) -> io::Result<Option<String>> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let Some(inode) = inode_of(dialler, &table) else { return Ok(None) };
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

/// The inode of the IPv4 socket whose own address is `local`, by a table as /proc/net/tcp has it.
fn inode_of(local: SocketAddr, table: &str) -> Option<&str> {
    let SocketAddr::V4(local) = local else { return None };
    // Source: proc_net_tcp.txt of Linux: the address as a number of the machine's own byte order.
    let wanted = format!("{:08X}:{:04X}", u32::from_ne_bytes(local.ip().octets()), local.port());
    let row = table.lines().map(str::split_whitespace).find(|row| row.clone().nth(1) == Some(&wanted));
    row?.nth(9)
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
    fn the_inode_is_that_of_the_row_with_the_address() {
        let local: SocketAddr = "127.0.0.1:4660".parse().expect("an address");
        let own = format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 1]));
        let table = format!(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: {own}:1111 {own}:1234 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0 20 4 30 10 -1\n   \
             1: {own}:1234 {own}:1111 01 00000000:00000000 00:00000000 00000000     0        0 22 1 0 20 4 30 10 -1\n"
        );
        assert_eq!(inode_of(local, &table), Some("22"));
        assert_eq!(inode_of("127.0.0.1:1".parse().expect("an address"), &table), None);
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
        let dialler = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let local = dialler.local_addr().expect("connected");
        let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
        let inode = inode_of(local, &table).expect("the socket is in the table");
        assert!(holds(Path::new("/proc/self"), Path::new(&format!("socket:[{inode}]"))));
        let nodes = BTreeMap::from([("1".into(), "127.0.0.1:1".parse().expect("an address"))]);
        assert_eq!(node_at(local, &nodes).expect("Linux"), None);
    }
}

//! Commands that look after a cluster, against a node that runs.

use crate::node::Node;
use std::net::SocketAddr;
use std::process::{Command, Output};

/// `anabranch` with these arguments and a node to ask, without the credentials of whoever runs the
/// tests, but with `credentials`.
fn anabranch(arguments: &[&str], address: SocketAddr, credentials: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anabranch"));
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"] {
        command.env_remove(name);
    }
    command.args(arguments).arg("--endpoint").arg(format!("http://{address}")).envs(credentials.iter().copied());
    command.output().expect("the binary starts")
}

/// Exit code and last line on stderr.
fn failure(arguments: &[&str], address: SocketAddr, credentials: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = anabranch(arguments, address, credentials);
    assert!(output.stdout.is_empty(), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), stderr.lines().last().unwrap_or_default().to_owned())
}

#[test]
fn a_node_lists_itself_and_its_groups_and_is_drained_and_undrained() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut node = Node::start(scratch.path(), &[]);
    let address = node.ready();
    let told = |arguments: &[&str]| {
        let output = anabranch(arguments, address, &[]);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    assert!(told(&["node", "ls"]).contains("active"));
    let groups: serde_json::Value = serde_json::from_str(&told(&["group", "ls", "--output", "json"])).expect("JSON");
    assert_eq!(groups["groups"].as_array().map(Vec::len), Some(5), "{groups}");
    assert_eq!(told(&["node", "drain", "1"]), "node 1 is draining\n");
    assert!(told(&["node", "ls"]).contains("draining"));
    assert_eq!(told(&["node", "undrain", "1"]), "node 1 is active\n");
    node.stop();
}

#[test]
fn operations_on_what_is_not_there_are_refused_by_name() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut node = Node::start(scratch.path(), &[]);
    let address = node.ready();
    for (arguments, reason) in [
        (&["node", "drain", "7"] as &[&str], "there is no node 7"),
        (&["node", "decommission", "7"], "there is no node 7"),
        (&["group", "move", "99", "--from", "1", "--to", "2"], "there is no data group 99"),
        (&["group", "move", "catalog", "--from", "1", "--to", "2"], "there is no data group 0"),
        (&["group", "move", "1", "--from", "2", "--to", "1"], "there is no replica of group 1 on node 2"),
        (&["group", "move", "1", "--from", "1", "--to", "7"], "node 7"),
    ] {
        let (code, told) = failure(arguments, address, &[]);
        assert!(code == Some(1) && told.contains(reason), "{arguments:?}: {told}");
    }
    node.stop();
}

#[test]
fn a_server_takes_operations_from_who_signs_with_its_credentials() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let file = scratch.path().join("node.toml");
    let config = format!(
        "data_dir = {:?}\nlisten = \"127.0.0.1:0\"\ntls_listen = \"127.0.0.1:0\"\n\
         credentials = [{{ access_key = \"operator\", secret_key = \"of this cluster\" }}]\n",
        scratch.path().join("data")
    );
    std::fs::write(&file, config).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_anabranch"));
    let mut node = Node::start_by(command.args(["server", "--bootstrap", "--config"]).arg(&file));
    let address = node.ready();

    let (key, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    let drain = ["node", "drain", "1"];
    let done = anabranch(&drain, address, &[(key, "operator"), (secret, "of this cluster")]);
    assert!(done.status.success(), "{done:?}");
    let (code, told) = failure(&drain, address, &[(key, "operator"), (secret, "of another one")]);
    assert!(code == Some(1) && told.contains("signature"), "{told}");
    let (code, told) = failure(&drain, address, &[]);
    assert!(code == Some(1) && told.contains("refused"), "{told}");
    let (code, told) = failure(&drain, address, &[(key, "operator")]);
    assert!(code == Some(1) && told.contains("AWS_SECRET_ACCESS_KEY is not"), "{told}");
    node.stop();
}

#[test]
fn what_is_no_node_and_no_group_is_misuse() {
    let address = "127.0.0.1:1".parse().expect("an address");
    for arguments in [
        &["node"] as &[&str],
        &["node", "drain"],
        &["node", "drain", "0"],
        &["node", "drain", "one"],
        &["group", "move", "4", "--from", "1"],
        &["group", "move", "all", "--from", "1", "--to", "2"],
    ] {
        let output = anabranch(arguments, address, &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {output:?}");
    }
}

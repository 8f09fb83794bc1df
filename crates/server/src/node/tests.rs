use super::*;
use crate::config::{DataDirChoice, EXAMPLE};
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_refuses_puts_that_have_outlived_their_connection() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let example = NodeConfig::from_toml(Path::new("node.toml"), EXAMPLE).expect("the example");
    let data_dir = DataDirChoice::Kept(scratch.path().to_owned());
    let listen = "127.0.0.1:0".parse().expect("an address");
    let config = NodeConfig { data_dir, listen, tls_listen: None, groups: 1, ..example };
    let env = Env::system();
    let directory = DataDir::open(scratch.path(), &*env.random).expect("made");
    let listeners = Listeners::bind(&config).await.expect("a free port");

    let mut node = Node::new(env);
    let (health, metrics) = (Health::new(), Arc::new(String::new));
    node.start(&config, &directory, listeners, &health, metrics).await.expect("it starts");
    let writable = node.writable.clone();
    assert!(writable.check().is_ok());
    assert_eq!(node.drain(config.drain_timeout).await, Ok(()));
    let refusal = writable.check().expect_err("it has drained").to_string();
    assert!(refusal.contains("the node is draining"), "{refusal}");
}

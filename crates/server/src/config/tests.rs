use super::*;
use std::path::Path;

fn parse(text: &str) -> Result<NodeConfig, ConfigError> {
    NodeConfig::from_toml(Path::new("node.toml"), text)
}

/// The message that the example gets when `key = …` is replaced by `line`.
fn refusal(key: &str, line: &str) -> String {
    let position = EXAMPLE.lines().position(|known| known.starts_with(key)).expect("a key of the example");
    let changed: Vec<_> =
        EXAMPLE.lines().enumerate().map(|(at, old)| if at == position { line } else { old }).collect();
    let error = parse(&changed.join("\n")).expect_err(line).to_string();
    error.replace(&format!("node.toml:{}: ", position + 1), "HERE ")
}

#[test]
fn the_example_is_taken_as_it_is_printed() {
    let config = parse(EXAMPLE).expect("the example");
    assert_eq!(config.data_dir, DataDirChoice::Kept(PathBuf::from(DATA_DIR_DEFAULT)));
    assert_eq!((config.listen, config.tls_listen), (LISTEN_DEFAULT, Some(TLS_LISTEN_DEFAULT)));
    assert_eq!((config.groups, config.drain_timeout), (GROUPS_DEFAULT, DRAIN_TIMEOUT_DEFAULT));
}

#[test]
fn the_example_shows_the_defaults() {
    let config = parse(EXAMPLE).expect("the example");
    assert_eq!(config.log, LogConfig::default());
    assert_eq!(config.memory, MemoryConfig::default());
    assert_eq!(config.telemetry, TelemetryConfig::default());
    assert_eq!((config.account, config.limits), (AccountId::DEFAULT, ShardLimits::default()));
}

#[test]
fn the_optional_keys_of_the_example_have_the_right_form() {
    let commented = [
        "[tls]",
        "certificate =",
        "key =",
        "client_authority =",
        "otlp_endpoint =",
        "peer_listen =",
        "advertise_peer =",
        "zone =",
    ];
    let uncomment = |line: &str| {
        let bare = line.strip_prefix("# ").filter(|bare| commented.iter().any(|start| bare.starts_with(start)));
        bare.unwrap_or(line).to_owned()
    };
    let full = EXAMPLE.lines().map(uncomment).collect::<Vec<_>>().join("\n");
    let config = parse(&full).expect("the example with every key");
    let tls = config.tls.expect("uncommented");
    assert_eq!(tls.key, PathBuf::from("/etc/anabranch/tls.key"));
    assert_eq!(tls.client_authority, Some(PathBuf::from("/etc/anabranch/clients.crt")));
    assert_eq!(config.telemetry.otlp_endpoint.as_ref().map(OtlpEndpoint::as_str), Some("http://localhost:4317"));
    assert_eq!(config.peer_listen.map(|address| address.port()), Some(4569));
    assert_eq!((config.advertise_peer, config.zone.as_str()), (Some(host("node-1.example:4569")), "rack-1"));
}

/// The example with its line that bootstraps replaced by `line`s of its comments, and no secret.
fn example_that_instead(starts: &[&str]) -> String {
    let uncomment = |line: &str| {
        let bare = line.strip_prefix("# ").filter(|bare| starts.iter().any(|start| bare.starts_with(start)));
        bare.unwrap_or(line).replace("bootstrap = true", "")
    };
    EXAMPLE.lines().map(uncomment).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_other_starts_that_the_example_shows_are_taken() {
    let config = parse(&example_that_instead(&["peer_listen =", "join ="])).expect("it joins");
    assert_eq!(config.cluster, ClusterStart::Join(vec![host("node-1.example:4569"), host("node-2.example:4569")]));
    let config = parse(&example_that_instead(&["peer_listen =", "node_id =", "nodes ="])).expect("a list");
    let ClusterStart::Static { own, nodes } = config.cluster else { panic!("{:?}", config.cluster) };
    assert_eq!((own, nodes.len()), (NodeId(1), 2));
}

#[test]
fn the_least_configuration_gets_defaults() {
    let least = "data_dir = \"d\"\nlisten = \"[::1]:0\"\ncredentials = [{ access_key = \"a\", secret_key = \"b\" }]";
    let config = parse(least).expect("all that is required");
    assert_eq!((config.tls_listen, config.groups), (None, GROUPS_DEFAULT));
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let message = refusal("groups", "gruops = 4");
    assert!(message.starts_with("HERE gruops: unknown field `gruops`, expected one of "), "{message}");
    let message = refusal("segment_bytes", "segment_size = 4");
    assert!(message.starts_with("HERE segment_size: unknown field `segment_size`"), "{message}");
}

#[test]
fn a_value_of_another_kind_is_refused_with_its_line_and_key() {
    assert!(refusal("groups", "groups = \"four\"").starts_with("HERE groups: invalid type"));
    assert!(refusal("listen", "listen = \"localhost\"").starts_with("HERE listen: "));
    assert_eq!(refusal("account", "account = \"12\""), "HERE account: an account is twelve digits in quotes");
    assert!(refusal("limits", "limits = \"on\"").starts_with("HERE limits: unknown variant `on`"));
    assert_eq!(
        refusal("log_format", "log_format = \"xml\""),
        "HERE log_format: a log format is text or json, not \"xml\""
    );
    assert!(refusal("groups", "groups = ").starts_with("HERE groups: "));
}

#[test]
fn a_missing_key_is_named() {
    let message = refusal("data_dir", "");
    assert!(message.contains("missing field `data_dir`"), "{message}");
    let message = refusal("secret_key", "");
    assert!(message.contains("missing field `secret_key`"), "{message}");
}

#[test]
fn values_that_do_not_fit_together_are_refused_with_line_key_and_rule() {
    assert_eq!(refusal("groups", "groups = 0"), "HERE groups: must be from 1 to 1024");
    assert_eq!(
        refusal("tls_listen", "tls_listen = \"127.0.0.1:4567\""),
        "HERE tls_listen: must not be the same as listen"
    );
    assert_eq!(
        refusal("drain_timeout_seconds", "drain_timeout_seconds = 0"),
        "HERE drain_timeout_seconds: must be at least 1"
    );
    assert_eq!(
        refusal("memtable_bytes", "memtable_bytes = 100663297"),
        "HERE memory.memtable_bytes: must be at most a quarter of memory.budget_bytes"
    );
    assert_eq!(
        refusal("segment_bytes", "segment_bytes = 1"),
        "HERE log.segment_bytes: must be from 50331648 to 1073741824"
    );
    assert!(refusal("access_key", "access_key = \"a b\"").starts_with("HERE credentials.access_key: must be "));
}

/// What is refused in a file of the least keys and `more`, whose first line is the fourth.
fn refusal_of(more: &str) -> String {
    let least = "data_dir = \"d\"\nlisten = \"[::1]:1\"\ncredentials = [{ access_key = \"a\", secret_key = \"b\" }]";
    parse(&format!("{least}\n{more}")).expect_err(more).to_string()
}

#[test]
fn a_rule_is_placed_however_its_key_is_written() {
    for text in ["log.segment_bytes = 1", "log = { segment_bytes = 1 }", "\"log\".segment_bytes = 1"] {
        assert!(refusal_of(text).starts_with("node.toml:4: log.segment_bytes: must be "), "{text}");
    }
    assert!(refusal_of("[log]\n\n# small\nsegment_bytes = 1").starts_with("node.toml:7: log.segment_bytes: "));
}

#[test]
fn a_rule_about_a_key_that_is_left_out_is_placed_at_its_table() {
    let message = refusal_of("\n[memory]\nbudget_bytes = 67108864\n[tls]\ncertificate = \"c\"\nkey = \"k\"");
    assert_eq!(message, "node.toml:7: tls: needs tls_listen");
    let message = refusal_of("\n[memory]\nbudget_bytes = 268435456");
    assert_eq!(message, "node.toml:5: memory.memtable_bytes: must be at most a quarter of memory.budget_bytes");
}

#[test]
fn a_server_without_credentials_is_refused() {
    let nobody = "data_dir = \"d\"\nlisten = \"[::1]:0\"\ncredentials = []";
    assert_eq!(
        parse(nobody).expect_err("nobody may call").to_string(),
        "node.toml:3: credentials: must list at least one"
    );
}

#[test]
fn two_secrets_of_one_access_key_are_refused_at_the_second() {
    let twice = "[[credentials]]\naccess_key = \"anabranch\"\nsecret_key = \"other\"\n";
    let error = parse(&format!("{EXAMPLE}{twice}")).expect_err("the key is listed twice").to_string();
    let line = EXAMPLE.lines().count() + 2;
    assert!(error.starts_with(&format!("node.toml:{line}: credentials.access_key: must be ")), "{error}");
}

#[test]
fn telemetry_that_cannot_be_is_refused_with_its_line() {
    let message = refusal("log_filter", "log_filter = \"anabranch=loud\"");
    assert!(message.starts_with("HERE log_filter: log filter \"anabranch=loud\" is not valid"), "{message}");
    let message = refusal("log_format", "otlp_endpoint = \"localhost:4317\"");
    assert!(
        message.starts_with("HERE otlp_endpoint: otlp endpoint \"localhost:4317\" is not of the form"),
        "{message}"
    );
}

#[test]
fn no_output_shows_a_secret() {
    let config = parse(EXAMPLE).expect("the example");
    assert!(!format!("{config:?}").contains("replace-this-secret"));
    for line in ["secret_key = 7777777", "secret_key = 7777777.5", "secret_key = [7777777]", "secret_key = 7777777 x"] {
        let message = refusal("secret_key", line);
        assert!(!message.contains("7777777"), "{message}");
    }
    assert_eq!(refusal("secret_key", "secret_key = \"\""), "HERE secret_key: a secret has 1 to 128 bytes");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = NodeConfig::from_file(Path::new("/nowhere/node.toml"), Beside::default()).expect_err("no file");
    assert_eq!(error.to_string(), "cannot read /nowhere/node.toml");
}

#[test]
fn the_example_makes_a_cluster_that_no_other_node_reaches() {
    let config = parse(EXAMPLE).expect("the example");
    assert_eq!((config.cluster, config.peer_listen, config.zone.as_str()), (ClusterStart::Bootstrap, None, ""));
}

#[test]
fn a_server_that_is_told_nothing_makes_no_cluster() {
    let least = "data_dir = \"d\"\nlisten = \"[::1]:0\"\ncredentials = [{ access_key = \"a\", secret_key = \"b\" }]";
    assert_eq!(parse(least).expect("all that is required").cluster, ClusterStart::Existing);
}

fn host(text: &str) -> HostPort {
    text.parse().expect(text)
}

/// The least keys and a `[cluster]` table, whose first key is on line 5.
fn with_cluster(keys: &str) -> String {
    let least = "data_dir = \"d\"\nlisten = \"[::1]:1\"\ncredentials = [{ access_key = \"a\", secret_key = \"b\" }]";
    format!("{least}\n[cluster]\n{keys}")
}

#[test]
fn the_keys_of_a_cluster_reach_the_configuration() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let secret = scratch.path().join("secret");
    std::fs::write(&secret, "sixteen bytes or more\n").expect("written");
    let keys = format!(
        "peer_listen = \"0.0.0.0:4569\"\nadvertise_peer = \"a:4569\"\nzone = \"rack-1\"\njoin = [\"b:1\", \"c:2\"]\nsecret_file = {secret:?}"
    );
    let config = parse(&with_cluster(&keys)).expect("all keys");
    assert_eq!(config.cluster, ClusterStart::Join(vec![host("b:1"), host("c:2")]));
    assert_eq!((config.advertise_peer, config.zone.as_str()), (Some(host("a:4569")), "rack-1"));
    assert_eq!(config.secret, PeerSecret::new(b"sixteen bytes or more").ok());
}

/// Three nodes, of which this is the one of number `own`.
fn static_list(own: u64) -> String {
    with_cluster(&format!(
        "peer_listen = \"127.0.0.1:2\"\nnode_id = {own}\nnodes = [\n{{ id = 3, peer = \"c:1\" }},\n{{ id = 7, peer = \"a:1\" }},\n]"
    ))
}

#[test]
fn a_node_of_a_static_list_is_reached_where_the_list_says() {
    let config = parse(&static_list(7)).expect("a list");
    let bound = "127.0.0.1:2".parse().expect("an address");
    assert_eq!(config.advertised_peer(bound), "a:1");
    let ClusterStart::Static { own, nodes } = &config.cluster else { panic!("{config:?}") };
    assert_eq!((*own, nodes.len(), nodes[0].id), (NodeId(7), 2, NodeId(3)));
    let alone = NodeConfig { cluster: ClusterStart::Bootstrap, ..config };
    assert_eq!(alone.advertised_peer(bound), "127.0.0.1:2");
    let told = NodeConfig { advertise_peer: Some(host("b:1")), ..alone };
    assert_eq!(told.advertised_peer(bound), "b:1");
}

#[test]
fn a_static_list_is_refused_at_its_wrong_entry() {
    let refusal = |text: &str| parse(text).expect_err(text).to_string();
    assert_eq!(refusal(&static_list(5)), "node.toml:6: cluster.node_id: must be one of nodes");
    let twice = static_list(3).replace("id = 7", "id = 3");
    assert_eq!(refusal(&twice), "node.toml:9: cluster.nodes.id: must be from 1, and unique");
    let zero = static_list(7).replace("id = 3", "id = 0");
    assert_eq!(refusal(&zero), "node.toml:8: cluster.nodes.id: must be from 1, and unique");
    let same = static_list(7).replace("c:1", "a:1");
    assert_eq!(refusal(&same), "node.toml:9: cluster.nodes.peer: must be unique");
    let odd = static_list(7).replace("c:1", "c");
    assert_eq!(refusal(&odd), "node.toml:8: an address is written HOST:PORT, not \"c\"");
    let nobody = static_list(7).replace("node_id = 7", "");
    assert_eq!(refusal(&nobody), "node.toml:8: cluster.nodes: needs node_id");
    let elsewhere = format!("{}\nadvertise_peer = \"c:1\"", static_list(7));
    assert_eq!(refusal(&elsewhere), "node.toml:11: cluster.advertise_peer: must be what nodes says of this node");
}

#[test]
fn the_keys_of_a_cluster_that_do_not_go_together_are_refused_with_line_and_rule() {
    let list = "nodes = [{ id = 1, peer = \"a:1\" }]";
    for (keys, told) in [
        ("peer_listen = \"0.0.0.0:1\"", "5: cluster.peer_listen: beyond loopback needs secret_file"),
        ("peer_listen = \"[::1]:1\"", "5: cluster.peer_listen: must not be the same as listen or tls_listen"),
        ("advertise_peer = \"a:1\"", "5: cluster.advertise_peer: needs peer_listen"),
        ("join = [\"a:1\"]", "5: cluster.join: needs peer_listen"),
        ("zone = \"a b\"", "5: cluster.zone: must be at most 64 of [A-Za-z0-9._-]"),
        ("bootstrap = true\njoin = [\"a:1\"]", "6: cluster.join: does not go with bootstrap"),
        (&format!("bootstrap = true\n{list}"), "6: cluster.nodes: does not go with bootstrap"),
        (&format!("join = [\"a:1\"]\n{list}"), "6: cluster.nodes: does not go with join"),
        ("node_id = 1", "5: cluster.node_id: needs nodes"),
        (&format!("node_id = 1\n{list}"), "6: cluster.nodes: needs peer_listen"),
    ] {
        let message = parse(&with_cluster(keys)).expect_err(keys).to_string();
        assert_eq!(message, format!("node.toml:{told}"));
    }
    let message = parse(&with_cluster("secret_file = \"/nowhere/secret\"")).expect_err("no file").to_string();
    assert!(message.starts_with("node.toml:5: cluster.secret_file: names a file that cannot be read"), "{message}");
}

#[test]
fn a_listener_on_every_address_tells_the_others_where_it_is() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let secret = scratch.path().join("secret");
    std::fs::write(&secret, "sixteen bytes or more").expect("written");
    let keys = format!("secret_file = {secret:?}\npeer_listen = \"0.0.0.0:1\"");
    let message = parse(&with_cluster(&keys)).expect_err("no other node finds it").to_string();
    assert_eq!(message, "node.toml:6: cluster.peer_listen: on every address needs advertise_peer");
    assert!(parse(&with_cluster(&format!("{keys}\nadvertise_peer = \"a:1\""))).is_ok());
}

#[test]
fn the_command_line_wins_over_how_the_file_starts_a_cluster() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let file = scratch.path().join("node.toml");
    std::fs::write(&file, static_list(7)).expect("written");
    let start = Some(ClusterStart::Join(vec![host("z:1")]));
    let config = NodeConfig::from_file(&file, Beside { start: start.clone(), secret: None }).expect("read");
    assert_eq!(Some(config.cluster), start);
}

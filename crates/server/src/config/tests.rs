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
    let commented = ["[tls]", "certificate =", "key =", "otlp_endpoint ="];
    let uncomment = |line: &str| {
        let bare = line.strip_prefix("# ").filter(|bare| commented.iter().any(|start| bare.starts_with(start)));
        bare.unwrap_or(line).to_owned()
    };
    let full = EXAMPLE.lines().map(uncomment).collect::<Vec<_>>().join("\n");
    let config = parse(&full).expect("the example with every key");
    assert_eq!(config.tls.map(|tls| tls.key), Some(PathBuf::from("/etc/anabranch/tls.key")));
    assert_eq!(config.telemetry.otlp_endpoint.as_ref().map(OtlpEndpoint::as_str), Some("http://localhost:4317"));
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
        refusal("memtable_bytes", "memtable_bytes = 134217729"),
        "HERE memory.memtable_bytes: must be at most half of memory.budget_bytes"
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
    let message = refusal_of("\n[memory]\nbudget_bytes = 100000000");
    assert_eq!(message, "node.toml:5: memory.memtable_bytes: must be at most half of memory.budget_bytes");
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
    let error = NodeConfig::from_file(Path::new("/nowhere/node.toml")).expect_err("no file");
    assert_eq!(error.to_string(), "cannot read /nowhere/node.toml");
}

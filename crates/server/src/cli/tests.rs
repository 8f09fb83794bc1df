use super::*;
use clap::CommandFactory;
use clap::error::ErrorKind;

/// The flags of all subcommands, whether or not the binary has them.
#[derive(Debug, Parser)]
#[command(name = "anabranch", version)]
enum AllCommands {
    Dev(Box<DevArgs>),
    Server(ServerArgs),
    Status(AskArgs),
}

fn dev(flags: &[&str]) -> Result<DevArgs, clap::Error> {
    match AllCommands::try_parse_from(["anabranch", "dev"].iter().chain(flags))? {
        AllCommands::Dev(args) => Ok(*args),
        other => panic!("dev is read as {other:?}"),
    }
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
    AllCommands::command().debug_assert();
}

#[test]
fn dev_without_flags_keeps_data_here_with_the_limits_of_aws() {
    let config = dev(&[]).expect("no flags").config().expect("the defaults");
    assert_eq!(config.data_dir, DataDirChoice::Kept(PathBuf::from("./anabranch-data")));
    assert_eq!((config.listen, config.tls_listen), (LISTEN_DEFAULT, Some(TLS_LISTEN_DEFAULT)));
    assert_eq!((config.limits, config.groups, config.access), (ShardLimits::Aws, 4, Access::Anyone));
}

#[test]
fn every_flag_of_dev_reaches_the_configuration() {
    let flags = "--listen 0.0.0.0:1 --tls-listen [::1]:2 --no-limits --ephemeral --stream a:1 --stream b:2,c:3 \
                 --account 123456789012 --groups 2 --log-filter debug --log-format json --otlp-endpoint http://o:4317";
    let flags: Vec<_> = flags.split_whitespace().collect();
    let config = dev(&flags).expect("known flags").config().expect("valid values");
    assert_eq!((config.listen.port(), config.tls_listen.map(|address| address.port())), (1, Some(2)));
    assert_eq!((config.limits, config.data_dir), (ShardLimits::Off, DataDirChoice::Ephemeral));
    let streams: Vec<_> = config.streams.iter().map(ToString::to_string).collect();
    assert_eq!(streams, ["a:1", "b:2", "c:3"]);
    assert_eq!((config.account.to_string().as_str(), config.groups), ("123456789012", 2));
    assert_eq!(config.telemetry.otlp_endpoint.as_ref().map(OtlpEndpoint::as_str), Some("http://o:4317"));
    assert_eq!((config.telemetry.log_filter.as_str(), config.telemetry.log_format), ("debug", LogFormat::Json));
}

#[test]
fn the_flags_of_a_cluster_reach_the_configuration() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let secret = scratch.path().join("secret");
    std::fs::write(&secret, "sixteen bytes or more").expect("written");
    let flags = "--peer-listen 127.0.0.1:3 --join a:1,b:2 --join c:3 --advertise-peer d:4 --zone rack-1 --secret-file";
    let flags: Vec<_> = flags.split_whitespace().chain(secret.to_str()).collect();
    let config = dev(&flags).expect("known flags").config().expect("valid values");
    let join = ["a:1", "b:2", "c:3"].map(|text| text.parse().expect(text));
    assert_eq!(config.cluster, ClusterStart::Join(join.to_vec()));
    assert_eq!(config.peer_listen.map(|address| address.port()), Some(3));
    assert_eq!((config.advertise_peer, config.zone.as_str()), ("d:4".parse().ok(), "rack-1"));
    assert!(config.secret.is_some());
    assert_eq!(dev(&[]).expect("no flags").config().expect("the defaults").cluster, ClusterStart::Alone);
}

#[test]
fn several_nodes_choose_what_a_single_one_is_told() {
    assert_eq!(dev(&["--nodes", "9", "--ephemeral", "--listen", "127.0.0.1:0"]).expect("they fit").nodes, Some(9));
    for flags in [
        &["--nodes", "0"] as &[&str],
        &["--nodes", "10"],
        &["--nodes", "3", "--peer-listen", "127.0.0.1:1"],
        &["--nodes", "3", "--peer-listen", "127.0.0.1:1", "--join", "a:1"],
        &["--nodes", "3", "--zone", "a"],
        &["--join", "a:1"],
        &["--advertise-peer", "a:1"],
        &["--peer-listen", "127.0.0.1:1", "--join", "a"],
    ] {
        assert_eq!(dev(flags).expect_err("they do not fit").exit_code(), 2, "{flags:?}");
    }
}

#[test]
fn every_option_has_an_environment_variable_of_its_name() {
    for command in AllCommands::command().get_subcommands() {
        for option in command.get_arguments().filter(|option| option.get_long().is_some_and(|long| long != "help")) {
            let long = option.get_long().expect("filtered");
            let variable = format!("ANABRANCH_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(option.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
        }
    }
}

#[test]
fn wrong_usage_is_exit_code_2_and_tells_the_rule() {
    for (flags, rule) in [
        (["--stream", "orders"], "a stream is written NAME:SHARDS, not \"orders\""),
        (["--stream", "orders:0"], "a stream has 1 to 20000 shards, not \"0\""),
        (["--account", "12"], "an account is twelve digits"),
        (["--log-format", "xml"], "a log format is text or json, not \"xml\""),
        (["--listen", "localhost"], "invalid socket address syntax"),
        (["--log-filter", "anabranch=loud"], "log filter \"anabranch=loud\" is not valid"),
        (["--otlp-endpoint", "localhost:4317"], "is not of the form http://HOST:PORT or https://HOST:PORT"),
    ] {
        let error = dev(&flags).expect_err(rule);
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(rule), "{error}");
    }
}

#[test]
fn flags_that_do_not_fit_together_are_refused() {
    let args = dev(&["--groups", "0"]).expect("a number");
    assert_eq!(args.config().expect_err("no groups").to_string(), "groups must be from 1 to 1024");
    let args = dev(&["--peer-listen", "192.0.2.1:1"]).expect("an address");
    assert_eq!(args.config().expect_err("no secret").to_string(), "peer_listen beyond loopback needs secret_file");
    let args = dev(&["--secret-file", "/nowhere/secret"]).expect("a path");
    let message = args.config().expect_err("no file").to_string();
    assert!(message.starts_with("secret_file names a file that cannot be read"), "{message}");
}

#[test]
fn server_needs_a_configuration_file() {
    let error = AllCommands::try_parse_from(["anabranch", "server"]).expect_err("no file");
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::MissingRequiredArgument, 2));
}

#[test]
fn a_server_makes_a_cluster_or_joins_one() {
    let server =
        |more: &[&str]| AllCommands::try_parse_from(["anabranch", "server", "--config", "f"].iter().chain(more));
    assert!(server(&["--bootstrap"]).is_ok() && server(&["--join", "a:1,b:2"]).is_ok());
    let error = server(&["--bootstrap", "--join", "a:1"]).expect_err("both");
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::ArgumentConflict, 2));
}

#[test]
fn the_version_is_printed_with_exit_code_0() {
    let error = Cli::try_parse_from(["anabranch", "--version"]).expect_err("clap stops here");
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::DisplayVersion, 0));
    assert_eq!(error.to_string(), format!("anabranch {}\n", env!("CARGO_PKG_VERSION")));
}

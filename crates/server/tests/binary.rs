//! The binary's contract with whoever starts it: output and exit codes.

use anabranch_server::config::{EXAMPLE, NodeConfig};
use std::path::Path;
use std::process::{Command, Output};

fn anabranch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_anabranch")).args(arguments).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn config_example_prints_a_configuration_that_is_taken() {
    let output = anabranch(&["config", "example"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), EXAMPLE.to_owned()));
    assert!(NodeConfig::from_toml(Path::new("node.toml"), &text(&output.stdout)).is_ok());
}

#[test]
fn the_version_goes_to_stdout_with_exit_code_0() {
    let output = anabranch(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), format!("anabranch {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_goes_to_stderr_with_exit_code_2() {
    for arguments in [&[] as &[&str], &["sail"], &["config"], &["--speed", "9"]] {
        let output = anabranch(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && text(&output.stderr).contains("Usage: anabranch"), "{arguments:?}");
    }
}

/// The example with `line` in the place of the one that begins with `key`, and the number of that
/// line.
fn example_with(key: &str, line: &str) -> (String, usize) {
    let position = EXAMPLE.lines().position(|known| known.starts_with(key)).expect("a key of the example");
    let lines: Vec<_> = EXAMPLE.lines().enumerate().map(|(at, old)| if at == position { line } else { old }).collect();
    (lines.join("\n"), position + 1)
}

#[test]
fn options_that_cannot_be_are_misuse_and_make_nothing() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let data_dir = scratch.path().join("data");
    let dev = ["dev", "--data-dir", data_dir.to_str().expect("text")];
    for (option, value) in
        [("--log-filter", "anabranch=loud"), ("--otlp-endpoint", "localhost:4317"), ("--groups", "0")]
    {
        let output = anabranch(&[&dev[..], &[option, value]].concat());
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{option}");
        assert!(!output.stderr.is_empty() && !data_dir.exists(), "{option}");
    }
    for endpoint in ["127.0.0.1:4567", "https://127.0.0.1:4567", "http://127.0.0.1:port"] {
        let output = anabranch(&["status", "--endpoint", endpoint]);
        assert_eq!(output.status.code(), Some(2), "{endpoint}");
        assert!(text(&output.stderr).contains("an endpoint is written http://HOST:PORT"), "{endpoint}");
    }
}

#[test]
fn a_configuration_that_cannot_be_is_misuse_and_told_with_its_line() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let file = scratch.path().join("node.toml");
    for (key, line, told) in [
        ("groups", "groups = 0", "groups: must be from 1 to 1024"),
        ("log_filter", "log_filter = \"anabranch=loud\"", "log_filter: log filter \"anabranch=loud\" is not valid"),
    ] {
        let (config, number) = example_with(key, line);
        std::fs::write(&file, config).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_anabranch"))
            .args(["server", "--config", "node.toml"])
            .current_dir(scratch.path())
            .output()
            .expect("the binary starts");
        assert_eq!(output.status.code(), Some(2), "{line}");
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with(&format!("error: node.toml:{number}: {told}")), "{stderr}");
        assert!(!scratch.path().join("anabranch-data").exists(), "{line}");
    }
}

#[test]
fn a_node_that_does_not_answer_is_a_failure() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let endpoint = format!("http://{}", nobody.expect("a free port"));
    assert_eq!(anabranch(&["status", "--endpoint", &endpoint]).status.code(), Some(1));
}

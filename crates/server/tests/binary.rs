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

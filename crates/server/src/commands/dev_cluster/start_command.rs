//! The command that starts one node, to be run by the parent or by a person in a shell.

use super::node::NodePlan;
use crate::cli::DevArgs;
use crate::config::{ConfigError, GROUPS_DEFAULT, LOG_FILTER_DEFAULT};
use anabranch_telemetry::LogFormat;
use anabranch_types::AccountId;
use std::borrow::Cow;
use std::fmt;
use std::path::Path;

/// A program and its arguments, each a text without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StartCommand {
    /// Variables that would say something else, to be taken away.
    variables: Vec<String>,
    /// The program first.
    words: Vec<String>,
}

/// What every node is told, as it was told to the parent.
#[derive(Debug, Clone)]
pub(super) struct PassedOn(Vec<String>);

impl PassedOn {
    /// Of `args`, all but what the parent decides itself.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when a path cannot be written in a line.
    pub(super) fn of(args: &DevArgs) -> Result<Self, ConfigError> {
        let mut words = Vec::new();
        let mut pass = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        if args.account != AccountId::DEFAULT {
            pass("--account", args.account.to_string());
        }
        if args.groups != GROUPS_DEFAULT {
            pass("--groups", args.groups.to_string());
        }
        if let Some(path) = &args.cluster.secret_file {
            pass("--secret-file", absolute("secret_file", path)?);
        }
        if args.telemetry.log_filter.as_str() != LOG_FILTER_DEFAULT {
            pass("--log-filter", args.telemetry.log_filter.as_str().to_owned());
        }
        if args.telemetry.log_format != LogFormat::Text {
            pass("--log-format", args.telemetry.log_format.to_string());
        }
        if let Some(endpoint) = &args.telemetry.otlp_endpoint {
            pass("--otlp-endpoint", endpoint.as_str().to_owned());
        }
        if args.no_limits {
            words.push("--no-limits".to_owned());
        }
        Ok(PassedOn(words))
    }
}

impl StartCommand {
    /// What starts `node` with `program`; `variables` are taken away from it.
    pub(super) fn new(program: &str, variables: &[String], node: &NodePlan, passed_on: &PassedOn) -> Self {
        let fixed = [
            ("--data-dir", node.directory.clone()),
            ("--listen", node.api.to_string()),
            ("--tls-listen", node.tls.to_string()),
            ("--peer-listen", node.peer.to_string()),
        ];
        let fixed = fixed.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        let words = [program.to_owned(), "dev".to_owned()].into_iter().chain(fixed);
        let words = words.chain(passed_on.0.iter().cloned()).collect();
        StartCommand { variables: variables.to_vec(), words }
    }

    /// The same, with `value` for `flag`.
    pub(super) fn with(mut self, flag: &str, value: String) -> Self {
        self.words.extend([flag.to_owned(), value]);
        self
    }

    /// The program.
    pub(super) fn program(&self) -> &str {
        &self.words[0]
    }

    /// What it is given.
    pub(super) fn arguments(&self) -> &[String] {
        &self.words[1..]
    }

    /// The variables that it must not see.
    pub(super) fn variables(&self) -> &[String] {
        &self.variables
    }
}

/// As it is pasted into a POSIX shell: one line.
impl fmt::Display for StartCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            f.write_str("env ")?;
            for name in &self.variables {
                write!(f, "-u {} ", quoted(name))?;
            }
        }
        let words: Vec<_> = self.words.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// One word of a POSIX shell that means `word`.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// `path` from the root, as a text of one line.
///
/// # Errors
/// [`ConfigError::Invalid`] names `key`.
pub(super) fn absolute(key: &'static str, path: &Path) -> Result<String, ConfigError> {
    let from_root = std::path::absolute(path).ok().and_then(|path| path.to_str().map(str::to_owned));
    from_root.filter(|text| !text.chars().any(char::is_control)).ok_or(ConfigError::Invalid {
        key,
        rule: Cow::Borrowed("must be a path of readable characters, which the nodes' start commands can hold"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn command(variables: &[&str], words: &[String]) -> StartCommand {
        StartCommand { variables: variables.iter().map(|&name| name.to_owned()).collect(), words: words.to_vec() }
    }

    /// The words that a shell makes of `line`, whose first is `printf`.
    fn words_in_a_shell(line: &str) -> Vec<String> {
        let output = Command::new("sh").arg("-c").arg(line).output().expect("a shell");
        assert!(output.status.success(), "{line}: {output:?}");
        let text = String::from_utf8(output.stdout).expect("what was put in");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_takes_every_word_as_it_was_meant(words in proptest::collection::vec("[ -~äß→]{0,20}", 1..6)) {
            let printf = ["printf".to_owned(), "%s\\0".to_owned()].into_iter().chain(words.iter().cloned());
            let line = command(&[], &printf.collect::<Vec<_>>()).to_string();
            prop_assert_eq!(words_in_a_shell(&line), words);
        }
    }

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        for (word, line) in [
            ("/usr/bin/anabranch", "/usr/bin/anabranch"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("~", "'~'"),
        ] {
            assert_eq!(quoted(word), line);
        }
    }

    #[test]
    fn variables_that_would_say_something_else_are_taken_away() {
        let line = command(&["ANABRANCH_NODES"], &["sh", "-c", "printf %s \"$ANABRANCH_NODES\""].map(str::to_owned));
        let line = line.to_string();
        assert!(line.starts_with("env -u ANABRANCH_NODES sh -c "), "{line}");
        let output = Command::new("sh").arg("-c").arg(&line).env("ANABRANCH_NODES", "3").output().expect("a shell");
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    }

    #[test]
    fn a_path_that_no_line_can_hold_is_refused() {
        assert_eq!(absolute("data_dir", Path::new("/a/b c")).expect("a path"), "/a/b c");
        assert!(absolute("data_dir", Path::new("c")).expect("a path").starts_with('/'));
        let error = absolute("data_dir", Path::new("/a\nb")).expect_err("two lines").to_string();
        assert!(error.starts_with("data_dir must be a path of readable characters"), "{error}");
    }
}

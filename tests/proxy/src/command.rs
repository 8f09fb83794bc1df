//! What the proxy can be told, as lines:
//!
//! ```text
//! listen NODE ADDRESS                               a door to the node that listens at ADDRESS; tells where the door is
//! set FROM TO [delay=MS] [jitter=MS] [rate=BYTES]   from now on; what is not named is none
//! stall FROM TO                                     bytes are held; `heal` lets them go
//! cut FROM TO                                       bytes are held; `heal` resets the connections
//! reset FROM TO                                     connections that carry bytes this way are reset
//! heal FROM TO                                      undoes set, stall and cut
//! show                                              how much each way has carried
//! ```
//!
//! FROM and TO are nodes, or `*` for all. A way is one direction: a cut of both takes two commands.

use crate::link::Pace;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

/// The longest delay and the most jitter: both can be added to any time of the machine's.
const MILLIS_MAX: u64 = 24 * 3_600 * 1_000;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A door to a node.
    Listen {
        /// What the node is called.
        node: String,
        /// Where it listens.
        address: SocketAddr,
    },
    /// How fast bytes pass.
    Set(Ways, Pace),
    /// Bytes are held, and let go when healed.
    Stall(Ways),
    /// Bytes are held, and their connections are reset when healed.
    Cut(Ways),
    /// Connections are reset.
    Reset(Ways),
    /// All is as it was at the beginning.
    Heal(Ways),
    /// How much each way has carried.
    Show,
}

/// Which ways a command is about; none is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// Who says the bytes.
    pub from: Option<String>,
    /// Who hears them.
    pub to: Option<String>,
}

/// The line is no command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// Its first word is none.
    #[error("{0:?} is no command: listen, set, stall, cut, reset, heal or show")]
    Unknown(String),
    /// Words are missing or too many.
    #[error("`{0}` is what it takes")]
    Form(&'static str),
    /// A node's address does not parse.
    #[error("{0:?} is no address, such as 127.0.0.1:4000")]
    Address(String),
    /// What `set` is to set does not parse.
    #[error("{0:?} is nothing to set: delay=MS or jitter=MS, a day at the most, or rate=BYTES, above 0")]
    Setting(String),
    /// A node's name would be taken for something else.
    #[error("{0:?} is no name of a node")]
    Name(String),
}

impl FromStr for Command {
    type Err = Misuse;

    fn from_str(line: &str) -> Result<Self, Misuse> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (first, rest) = words.split_first().ok_or_else(|| Misuse::Unknown(String::new()))?;
        match *first {
            "listen" => listen(rest),
            "set" => set(rest),
            "stall" => Ok(Command::Stall(ways(rest, "stall FROM TO")?)),
            "cut" => Ok(Command::Cut(ways(rest, "cut FROM TO")?)),
            "reset" => Ok(Command::Reset(ways(rest, "reset FROM TO")?)),
            "heal" => Ok(Command::Heal(ways(rest, "heal FROM TO")?)),
            "show" if rest.is_empty() => Ok(Command::Show),
            "show" => Err(Misuse::Form("show")),
            other => Err(Misuse::Unknown(other.to_owned())),
        }
    }
}

fn listen(words: &[&str]) -> Result<Command, Misuse> {
    let [node, address] = words else { return Err(Misuse::Form("listen NODE ADDRESS")) };
    if !node.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
        return Err(Misuse::Name((*node).to_owned()));
    }
    let address = address.parse().map_err(|_| Misuse::Address((*address).to_owned()))?;
    Ok(Command::Listen { node: (*node).to_owned(), address })
}

fn ways(words: &[&str], form: &'static str) -> Result<Ways, Misuse> {
    let [from, to] = words else { return Err(Misuse::Form(form)) };
    let named = |word: &str| (word != "*").then(|| word.to_owned());
    Ok(Ways { from: named(from), to: named(to) })
}

fn set(words: &[&str]) -> Result<Command, Misuse> {
    let form = "set FROM TO [delay=MS] [jitter=MS] [rate=BYTES]";
    let (which, settings) = words.split_at_checked(2).ok_or(Misuse::Form(form))?;
    let mut pace = Pace::default();
    for setting in settings {
        let wrong = || Misuse::Setting((*setting).to_owned());
        let (name, value) = setting.split_once('=').ok_or_else(wrong)?;
        let number: u64 = value.parse().map_err(|_| wrong())?;
        match name {
            "delay" | "jitter" if number > MILLIS_MAX => return Err(wrong()),
            "delay" => pace.delay = Duration::from_millis(number),
            "jitter" => pace.jitter = Duration::from_millis(number),
            "rate" => pace.bytes_per_second = Some(NonZeroU64::new(number).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        }
    }
    Ok(Command::Set(ways(which, form)?, pace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(from: &str, to: &str) -> Ways {
        Ways { from: Some(from.to_owned()), to: Some(to.to_owned()) }
    }

    #[test]
    fn each_command_is_read() {
        let pace = Pace {
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(2),
            bytes_per_second: NonZeroU64::new(1000),
        };
        let everybody = Ways { from: None, to: None };
        for (line, command) in [
            ("listen 1 127.0.0.1:4000", Command::Listen { node: "1".into(), address: ([127, 0, 0, 1], 4000).into() }),
            ("set 1 2 delay=5 jitter=2 rate=1000", Command::Set(between("1", "2"), pace)),
            ("set * *", Command::Set(everybody.clone(), Pace::default())),
            ("stall 1 2", Command::Stall(between("1", "2"))),
            ("cut 1 2", Command::Cut(between("1", "2"))),
            ("reset 1 2", Command::Reset(between("1", "2"))),
            (" heal  * * ", Command::Heal(everybody)),
            ("show", Command::Show),
        ] {
            assert_eq!(line.parse(), Ok(command), "{line}");
        }
    }

    #[test]
    fn whatever_else_comes_is_named_in_the_refusal() {
        for (line, told) in [
            ("", "\"\" is no command"),
            ("break 1 2", "\"break\" is no command"),
            ("cut 1", "`cut FROM TO`"),
            ("cut 1 2 3", "`cut FROM TO`"),
            ("set 1", "`set FROM TO"),
            ("set 1 2 delay=soon", "\"delay=soon\" is nothing to set"),
            ("set 1 2 delay=18446744073709551615", "\"delay=18446744073709551615\" is nothing to set"),
            ("set 1 2 jitter=86400001", "\"jitter=86400001\" is nothing to set"),
            ("set 1 2 rate=0", "\"rate=0\" is nothing to set"),
            ("set 1 2 loss=3", "\"loss=3\" is nothing to set"),
            ("listen 1 nowhere", "\"nowhere\" is no address"),
            ("listen * 127.0.0.1:1", "\"*\" is no name"),
            ("show me", "`show`"),
        ] {
            let misuse = line.parse::<Command>().expect_err(line).to_string();
            assert!(misuse.starts_with(told), "{line}: {misuse}");
        }
    }
}

//! Arguments: `--name value` pairs, nothing else.

use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;

/// The pairs that follow a command.
#[derive(Debug)]
pub struct Args(BTreeMap<String, String>);

impl Args {
    /// Reads the pairs.
    ///
    /// # Errors
    /// Names the first word that is no pair.
    pub fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Args> {
        let mut pairs = BTreeMap::new();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else { bail!("expected --name, found {word:?}") };
            let value = words.next().with_context(|| format!("--{name} needs a value"))?;
            pairs.insert(name.to_owned(), value);
        }
        Ok(Args(pairs))
    }

    /// The value of `--name`.
    ///
    /// # Errors
    /// When it is missing.
    pub fn text(&self, name: &str) -> anyhow::Result<&str> {
        self.0.get(name).map(String::as_str).with_context(|| format!("--{name} is missing"))
    }

    /// The value of `--name`, read as a `T`.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    pub fn value<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(&self, name: &str) -> anyhow::Result<T> {
        self.text(name)?.parse().with_context(|| format!("--{name}"))
    }

    /// The value of `--name`, or `default` when it is not given.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn value_or<T>(&self, name: &str, default: T) -> anyhow::Result<T>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        if self.0.contains_key(name) { self.value(name) } else { Ok(default) }
    }

    /// The server's address.
    ///
    /// # Errors
    /// When it is missing or no socket address.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.value("address")
    }

    /// The addresses of all nodes, from the same argument with commas between them; one at least.
    ///
    /// # Errors
    /// When it is missing, or one of them is no socket address.
    pub fn addresses(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let addresses = self.text("address")?.split(',');
        addresses.map(|address| address.parse().with_context(|| format!("--address: {address:?}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Args> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn pairs_are_read_by_name() {
        let args = parse("--seconds 3 --address 127.0.0.1:1").expect("two pairs");
        assert_eq!(args.value::<u64>("seconds").expect("a number"), 3);
        assert_eq!(args.value_or("connections", 8).expect("the default"), 8);
        assert_eq!(args.address().expect("an address").port(), 1);
    }

    #[test]
    fn addresses_stand_between_commas() {
        let ports = |line| parse(line)?.addresses().map(|all| all.iter().map(SocketAddr::port).collect::<Vec<_>>());
        assert_eq!(ports("--address 127.0.0.1:1,127.0.0.1:2").expect("addresses"), [1, 2]);
        assert!(ports("--address 127.0.0.1:1,").expect_err("an empty one").to_string().contains("--address"));
    }

    #[test]
    fn what_is_no_pair_is_named() {
        assert!(parse("seconds 3").expect_err("no dashes").to_string().contains("seconds"));
        assert!(parse("--seconds").expect_err("no value").to_string().contains("seconds"));
        assert!(parse("--seconds x").expect("a pair").value::<u64>("seconds").is_err());
    }
}

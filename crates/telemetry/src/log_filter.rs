//! Which events are logged, checked when it is read.

use std::fmt;
use std::str::FromStr;
use tracing_subscriber::EnvFilter;

/// A log filter: `level` or `target=level`, separated by commas, such as
/// `info,anabranch_walog=debug`. Source: tracing-subscriber, EnvFilter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

/// The text is not a list of `target=level` directives.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("log filter {filter:?} is not valid: {reason}")]
pub struct InvalidLogFilter {
    /// The filter as given.
    pub filter: String,
    /// What the parser found.
    pub reason: String,
}

impl LogFilter {
    /// The filter as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The filter to log by.
    ///
    /// # Errors
    /// None for a filter that was read before; the parser says so.
    pub(crate) fn to_directives(&self) -> Result<EnvFilter, InvalidLogFilter> {
        directives(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = InvalidLogFilter;

    fn from_str(text: &str) -> Result<Self, InvalidLogFilter> {
        directives(text).map(|_| LogFilter(text.to_owned()))
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn directives(text: &str) -> Result<EnvFilter, InvalidLogFilter> {
    EnvFilter::try_new(text).map_err(|error| InvalidLogFilter { filter: text.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_directives_is_taken() {
        let filter: LogFilter = "info,anabranch_walog=debug".parse().expect("directives");
        assert!(filter.to_directives().is_ok());
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_its_text() {
        let error = "anabranch=loud".parse::<LogFilter>().expect_err("no such level");
        assert!(error.to_string().starts_with("log filter \"anabranch=loud\" is not valid: "), "{error}");
    }
}

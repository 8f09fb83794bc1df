//! The model's regular expressions, matched against the whole text as the service matches them.

use regex::Regex;

/// An expression and how the model writes it, for messages.
#[derive(Debug)]
pub(crate) struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles an expression of the model. The service's `\d` and `\S` know ASCII only.
    ///
    /// # Errors
    /// The expression's fault, when it cannot be compiled.
    pub(crate) fn new(source: &str) -> Result<Self, regex::Error> {
        let ascii = source.replace(r"\d", "[0-9]").replace(r"\S", r"[^ \t\n\x0B\f\r]");
        Ok(Pattern { source: source.to_owned(), regex: Regex::new(&format!(r"\A(?:{ascii})\z"))? })
    }

    /// Whether the whole of `text` matches; in time linear to its length.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// As the model writes it.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_text_and_knows_ascii_digits_only() {
        let name = Pattern::new("[a-zA-Z0-9_.-]+").expect("compiles");
        assert!(name.matches("a.b-C_9") && !name.matches("a b") && !name.matches("a\n") && !name.matches(""));
        let key = Pattern::new(r"^(0|([1-9]\d{0,38}))$").expect("compiles");
        assert!(key.matches("0") && key.matches("10") && !key.matches("01") && !key.matches("1\u{0663}"));
        let arn = Pattern::new(r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+").expect("compiles");
        assert!(arn.matches("arn:aws:kinesis:eu-west-1:000000000000:stream/a"));
        assert!(!arn.matches("arn:aws:kinesis:eu-west-1:000000000000:stream/a b"));
    }
}

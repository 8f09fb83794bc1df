//! Logs: one event per line on stderr. Stdout belongs to what the user asked for.

use crate::{LogFormat, TelemetryError, TelemetryOptions};
use std::io::IsTerminal;
use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

/// The layer that writes log events.
///
/// # Errors
/// [`TelemetryError::LogFilter`].
pub(crate) fn layer<S>(options: &TelemetryOptions) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let filter = EnvFilter::try_new(&options.log_filter)
        .map_err(|error| TelemetryError::LogFilter { filter: options.log_filter.clone(), reason: error.to_string() })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    Ok(match options.log_format {
        LogFormat::Text => lines.with_ansi(stderr_takes_colour()).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    })
}

/// Colour is for terminals, and only for people who did not decline it. Source: no-color.org.
fn stderr_takes_colour() -> bool {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !declined
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::Registry;

    fn options(log_filter: &str) -> TelemetryOptions {
        TelemetryOptions {
            log_filter: log_filter.to_owned(),
            log_format: LogFormat::Json,
            otlp_endpoint: None,
            service_name: "anabranch".to_owned(),
            node: "1".to_owned(),
            untraced_targets: &[],
        }
    }

    #[test]
    fn a_filter_of_directives_is_taken() {
        assert!(layer::<Registry>(&options("info,anabranch_walog=debug")).is_ok());
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_its_text() {
        let Err(error) = layer::<Registry>(&options("anabranch=loud")) else { panic!("taken") };
        assert!(error.to_string().starts_with("log filter \"anabranch=loud\" is not valid: "), "{error}");
    }
}

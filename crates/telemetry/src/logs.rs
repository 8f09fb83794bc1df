//! Logs: one event per line on stderr. Stdout belongs to what the user asked for.

use crate::{InvalidLogFilter, LogFormat, TelemetryOptions};
use std::io::IsTerminal;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

/// The layer that writes log events.
///
/// # Errors
/// None for a filter that was read before.
pub(crate) fn layer<S>(options: &TelemetryOptions) -> Result<Box<dyn Layer<S> + Send + Sync>, InvalidLogFilter>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let filter = options.log_filter.to_directives()?;
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

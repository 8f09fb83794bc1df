//! What a task may return.

use std::any::Any;
use std::error::Error;

/// The output of a task: nothing, or a result whose error is its failure.
pub trait TaskOutcome {
    /// The error's text with its causes, where there is one.
    ///
    /// # Errors
    /// The failure, as text.
    fn into_result(self) -> Result<(), String>;
}

impl TaskOutcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Error> TaskOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| with_causes(&error))
    }
}

/// An error and what caused it, outermost first.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// The text that a panic was raised with.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        return (*text).to_owned();
    }
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a value that is no text".to_owned())
}

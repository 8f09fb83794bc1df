//! Contestants take part as far as they can be installed, one after the other, each time another one first.

use super::super::Setting;
use super::results::Results;
use anyhow::Context;

/// Who takes part in one of the comparisons.
pub trait TakesPart: Copy {
    /// What the tables call it.
    fn title(self) -> String;

    /// Whether it is ours, which has to be measured.
    fn is_ours(self) -> bool;

    /// Makes it ready to be started.
    ///
    /// # Errors
    /// When it cannot be installed here.
    fn prepare(self, setting: &Setting) -> anyhow::Result<()>;

    /// Measures all of its loads once.
    ///
    /// # Errors
    /// When it does not start or a load fails.
    fn measure(self, setting: &Setting, results: &mut Results) -> anyhow::Result<()>;
}

/// Those of `all` that can take part; the page tells of the others.
pub fn installed<C: TakesPart>(all: &[C], setting: &Setting, results: &mut Results) -> Vec<C> {
    let mut there = Vec::new();
    for one in all.iter().copied() {
        match one.prepare(setting) {
            Ok(()) => there.push(one),
            Err(error) => results.fail(&format!("{} is missing", one.title()), &error),
        }
    }
    there
}

/// Each of them once, another one first.
///
/// # Errors
/// When we fail; a rival that fails is told in the page.
pub fn repeat<C: TakesPart>(
    contestants: &[C],
    setting: &Setting,
    repeat: usize,
    results: &mut Results,
) -> anyhow::Result<()> {
    let mut order = contestants.to_vec();
    order.rotate_left(repeat % contestants.len().max(1));
    for one in order {
        match one.measure(setting, results) {
            Ok(()) => {}
            Err(error) if one.is_ours() => return Err(error).context(one.title()),
            Err(error) => results.fail(&format!("{} failed", one.title()), &error),
        }
    }
    Ok(())
}

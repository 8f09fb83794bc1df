//! Waits for what the cluster does, and tells on stderr how far it is.

use super::client::CallError;
use anabranch_runtime::Env;
use std::io::{self, Write};
use std::time::Duration;

/// How often it is looked how far things are.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the same is told again, as a sign of life.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How long nobody may answer: far above the time in which a cluster finds another leader.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How far something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing is left to do.
    Finished,
    /// As the text says.
    At(String),
}

/// Looks until it is finished, however long that takes, and says by `tell` how far it is.
///
/// # Errors
/// The first that does not pass by itself; one that does, after a minute without an answer.
pub(super) async fn wait(
    env: &Env,
    mut look: impl FnMut() -> Result<Progress, CallError>,
    mut tell: impl FnMut(&str),
) -> Result<(), CallError> {
    let now = || env.clock.monotonic();
    let (mut answered_at, mut told) = (now(), None);
    loop {
        let text = match look() {
            Ok(Progress::Finished) => return Ok(()),
            Ok(Progress::At(text)) => {
                answered_at = now();
                text
            }
            Err(error) if error.may_pass() && now() - answered_at < SILENCE_MAX => error.to_string(),
            Err(error) => return Err(error),
        };
        let news = told.as_ref().is_none_or(|(before, at)| *before != text || now() - *at >= TELL_EVERY);
        if news {
            tell(&text);
            told = Some((text, now()));
        }
        env.sleep(LOOK_EVERY).await;
    }
}

/// A line on stderr; nobody may be reading.
pub(super) fn tell(text: &str) {
    let _written = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_types::Timestamp;

    fn silent() -> CallError {
        let endpoint = "http://127.0.0.1:1".parse().expect("an endpoint");
        CallError::Unreachable { endpoint, source: io::ErrorKind::ConnectionRefused.into() }
    }

    #[tokio::test(start_paused = true)]
    async fn progress_is_told_once_and_again_as_a_sign_of_life() {
        let env = Env::simulated(Timestamp::EPOCH, 1);
        let (mut looks, mut told) = (0, Vec::new());
        let look = || {
            looks += 1;
            Ok(match looks {
                1..=2 => Progress::At("2 left".to_owned()),
                3..=14 => Progress::At("1 left".to_owned()),
                _ => Progress::Finished,
            })
        };
        wait(&env, look, |text| told.push(text.to_owned())).await.expect("it finishes");
        assert_eq!(told, ["2 left", "1 left", "1 left"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_passes_but_not_for_ever() {
        let env = Env::simulated(Timestamp::EPOCH, 1);
        let mut looks = 0;
        let look = || {
            looks += 1;
            if looks < 50 { Err(silent()) } else { Ok(Progress::Finished) }
        };
        wait(&env, look, |_| ()).await.expect("somebody answers in the end");
        let started = env.clock.monotonic();
        let error = wait(&env, || Err(silent()), |_| ()).await.expect_err("nobody answers");
        assert!(error.may_pass() && env.clock.monotonic() - started >= SILENCE_MAX, "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_ends_the_waiting() {
        let env = Env::simulated(Timestamp::EPOCH, 1);
        let refused = || CallError::Credentials("no");
        assert!(wait(&env, || Err(refused()), |_| ()).await.is_err());
    }
}

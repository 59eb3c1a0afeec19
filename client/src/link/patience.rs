//! How often and how long a call is tried.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::CallError;

/// Twelve more attempts over about half a minute: enough to outlive a coordinator's restart.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_factor(2.0)
    .with_max_delay(Duration::from_secs(5))
    .with_max_times(12)
    .with_jitter();

/// The longest that a coordinator can make a device wait between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// Makes a call until it succeeds, fails for good, or patience ends.
pub(super) async fn patiently<T, F: Future<Output = Result<T, CallError>>>(
    what: &'static str,
    call: impl FnMut() -> F,
) -> Result<T, CallError> {
    let mut told = false;
    call.retry(BACKOFF)
        .sleep(tokio::time::sleep)
        .when(CallError::is_passing)
        // Whoever says when to come back is not asked before, and nobody is waited for beyond reason.
        .adjust(|error, pause| pause.map(|pause| pause.max(error.pause().unwrap_or_default()).min(LONGEST)))
        .notify(|error, pause| {
            // Once is enough: whoever waits should know for what.
            if told {
                tracing::debug!(what, ?pause, "trying again: {error}");
            } else {
                tracing::warn!(what, "no answer, trying again for about half a minute: {error}");
                told = true;
            }
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tonic::{Code, Status};

    use super::*;

    async fn attempts(failing: u32, code: Code) -> (u32, bool) {
        let count = Cell::new(0);
        let call = || async {
            count.set(count.get() + 1);
            if count.get() <= failing { Err(CallError::from(Status::new(code, "no"))) } else { Ok(()) }
        };
        let result = patiently("test", call).await;
        (count.get(), result.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn only_passing_failures_are_tried_again_and_not_for_ever() {
        for code in [Code::Unavailable, Code::ResourceExhausted, Code::Aborted] {
            assert_eq!(attempts(3, code).await, (4, true));
            assert_eq!(attempts(u32::MAX, code).await, (13, false));
        }
        for code in [Code::InvalidArgument, Code::PermissionDenied, Code::NotFound, Code::DataLoss] {
            assert_eq!(attempts(1, code).await, (1, false));
        }
    }
}

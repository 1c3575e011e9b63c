//! Formats estimated times and waits for display.

use std::time::Duration;

use crate::monitor::PauseReason;

/// An estimated remaining time, such as "ETA 4m 43s".
pub fn eta(eta: Option<Duration>) -> String {
    let Some(seconds) = eta.map(|eta| eta.as_secs()) else { return "ETA unknown".to_owned() };
    match seconds {
        0..60 => format!("ETA {seconds}s"),
        60..3600 => format!("ETA {}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("ETA {}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// The wait of one channel.
pub fn channel_wait((reason, remaining): (PauseReason, Duration), is_short: bool) -> String {
    match (reason, is_short) {
        (PauseReason::Retry, false) => format!("failed, retrying in {}", rounded(remaining)),
        _ => wait((reason, remaining), is_short),
    }
}

/// A wait that affects more than one channel.
pub fn wait((reason, remaining): (PauseReason, Duration), is_short: bool) -> String {
    let remaining = rounded(remaining);
    match (reason, is_short) {
        (PauseReason::RateLimit, false) => format!("rate limited, waiting {remaining}"),
        (PauseReason::RateLimit, true) => format!("waiting {remaining}"),
        (PauseReason::Retry, false) => format!("request failed, retrying in {remaining}"),
        (PauseReason::Retry, true) => format!("retrying in {remaining}"),
    }
}

/// A duration such as "12s", "50m" or "2h 05m". Seconds are rounded up, minutes to the
/// nearest.
fn rounded(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000);
    let minutes = (seconds + 30) / 60;
    match seconds {
        0..=90 => format!("{seconds}s"),
        91..3570 => format!("{minutes}m"),
        _ => format!("{}h {:02}m", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_for_display() {
        let texts = [0, 59, 60, 283, 3600, 7500].map(|seconds| eta(Some(Duration::from_secs(seconds))));
        assert_eq!(texts, ["ETA 0s", "ETA 59s", "ETA 1m 00s", "ETA 4m 43s", "ETA 1h 00m", "ETA 2h 05m"]);
        assert_eq!(eta(None), "ETA unknown");
        let texts = [1, 12_000, 12_001, 90_000, 100_000, 3_000_000, 3_570_000, 7_500_000]
            .map(|millis| rounded(Duration::from_millis(millis)));
        assert_eq!(texts, ["1s", "12s", "13s", "90s", "2m", "50m", "1h 00m", "2h 05m"]);
    }

    #[test]
    fn a_wait_has_its_reason_unless_it_must_be_short() {
        let (limit, retry) =
            ((PauseReason::RateLimit, Duration::from_secs(12)), (PauseReason::Retry, Duration::from_secs(3)));
        assert_eq!(wait(limit, false), "rate limited, waiting 12s");
        assert_eq!(wait(retry, false), "request failed, retrying in 3s");
        assert_eq!(channel_wait(limit, false), "rate limited, waiting 12s");
        assert_eq!(channel_wait(retry, false), "failed, retrying in 3s");
        assert_eq!(channel_wait(limit, true), "waiting 12s");
        assert_eq!(channel_wait(retry, true), "retrying in 3s");
    }
}

//! Dates, as certificates and tokens know them.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// Whole seconds since 1970, at most the end of the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// The last second of the year 9999: what a certificate can name.
const LATEST: u64 = 253_402_300_799;

impl Moment {
    /// So many seconds after 1970 began, or the last moment there is.
    #[must_use]
    pub fn new(seconds: u64) -> Self {
        Self(seconds.min(LATEST))
    }

    /// By this machine's clock.
    #[must_use]
    pub fn now() -> Self {
        // A clock before 1970 has not been set.
        Self::new(SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs()))
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// Later by whole seconds.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self::new(self.0.saturating_add(time.as_secs()))
    }

    /// Earlier by whole seconds.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(time.as_secs()))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.0);
        humantime::format_rfc3339_seconds(time).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_end_with_the_year_9999() {
        assert_eq!(Moment::new(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Moment::new(0).before(Duration::MAX).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Moment::new(5).after(Duration::MAX), Moment::new(u64::MAX));
        assert!(Moment::now() > Moment::new(1_700_000_000));
    }
}

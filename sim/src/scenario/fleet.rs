//! The `[fleet]` section: how fast devices and their links are, when they are there, and how often they get lost.

use serde::{Deserialize, Serialize};

/// Virtual devices in virtual time. Without the section all devices are always there, and training and sending take no time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetSpec {
    /// Examples that a device trains on in a second: one number for each device, for good.
    pub examples_per_second: Spread,
    /// Bytes that a device receives in a second: one number for each device, for good.
    pub download_bytes_per_second: Spread,
    /// Bytes that a device sends in a second: one number for each device, for good.
    pub upload_bytes_per_second: Spread,
    /// Probability that a device with work is never heard of again in that round.
    #[serde(default)]
    pub drop_out: f64,
    /// Devices that are slow in one round, by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stragglers: Option<Stragglers>,
    /// Probability that a device is there, for each of the 24 hours of its day. Left out: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_by_hour: Option<[f64; 24]>,
    /// Devices' clocks differ by up to so many hours, evenly.
    #[serde(default)]
    pub time_zones: u32,
}

/// Some devices take longer in a round than they usually do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stragglers {
    /// Probability for one device in one round.
    pub share: f64,
    /// How many times as long it takes.
    pub slowdown: Spread,
}

/// A distribution of positive numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Spread {
    /// The same for all.
    Constant {
        /// The number.
        value: f64,
    },
    /// Evenly between two numbers.
    Uniform {
        /// The least.
        low: f64,
        /// The most.
        high: f64,
    },
    /// Half are below the median; the logarithm is normal with standard deviation `sigma`.
    LogNormal {
        /// The median.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

impl Spread {
    fn is_valid(self) -> bool {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        match self {
            Self::Constant { value } => positive(value),
            Self::Uniform { low, high } => positive(low) && high.is_finite() && low <= high,
            Self::LogNormal { median, sigma } => positive(median) && sigma >= 0.0 && sigma.is_finite(),
        }
    }
}

impl FleetSpec {
    pub(super) fn validate(&self) -> Result<(), String> {
        let spreads = [
            ("examples_per_second", Some(self.examples_per_second)),
            ("download_bytes_per_second", Some(self.download_bytes_per_second)),
            ("upload_bytes_per_second", Some(self.upload_bytes_per_second)),
            ("stragglers.slowdown", self.stragglers.map(|stragglers| stragglers.slowdown)),
        ];
        if let Some((field, _)) = spreads.iter().find(|(_, spread)| spread.is_some_and(|spread| !spread.is_valid())) {
            return Err(format!(
                "fleet.{field} must be positive numbers: value; low and high, not below it; or median, and sigma of zero or more"
            ));
        }
        let share = |value: f64| (0.0..=1.0).contains(&value);
        if !(0.0..1.0).contains(&self.drop_out) {
            return Err(format!("fleet.drop_out must be at least 0 and below 1, not {}", self.drop_out));
        }
        if let Some(stragglers) = self.stragglers.filter(|stragglers| !share(stragglers.share)) {
            return Err(format!("fleet.stragglers.share must be from 0 to 1, not {}", stragglers.share));
        }
        if let Some(hours) = &self.available_by_hour {
            if let Some(odd) = hours.iter().find(|hour| !share(**hour)) {
                return Err(format!("fleet.available_by_hour holds probabilities from 0 to 1, not {odd}"));
            }
            if hours.iter().all(|hour| *hour == 0.0) {
                return Err("fleet.available_by_hour is zero for every hour: no device would ever come".to_owned());
            }
        }
        if self.time_zones > 24 {
            return Err(format!("fleet.time_zones is a number of hours up to 24, not {}", self.time_zones));
        }
        Ok(())
    }
}

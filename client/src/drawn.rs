//! Populations that a program draws from a seed: no person's data, and as many devices as one likes.

use murmur_round::device_id::DeviceId;
use serde::{Deserialize, Serialize};

use crate::{app_usage, data::Examples, strokes};

/// Whose data are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drawn {
    /// Writers of digits.
    Strokes,
    /// People who open applications.
    AppUsage,
}

impl Drawn {
    /// All of them, as tasks and commands name them.
    pub const NAMES: [(&str, Self); 2] = [("strokes", Self::Strokes), ("app_usage", Self::AppUsage)];

    /// The population of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find_map(|(known, drawn)| (known == name).then_some(drawn))
    }

    /// Shape of one example, `[channels, height, width]`.
    #[must_use]
    pub fn shape(self) -> [usize; 3] {
        match self {
            Self::Strokes => strokes::SHAPE,
            Self::AppUsage => app_usage::SHAPE,
        }
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(self) -> usize {
        match self {
            Self::Strokes => strokes::CLASSES,
            Self::AppUsage => app_usage::APPS,
        }
    }

    /// The first `count` examples of `device`.
    #[must_use]
    pub fn examples(self, seed: u64, device: &DeviceId, count: usize) -> Examples {
        match self {
            Self::Strokes => strokes::writer(seed, device, count),
            Self::AppUsage => app_usage::person(seed, device, count),
        }
    }

    /// The first `count` examples of number `index` among those who are no device.
    #[must_use]
    pub fn unseen(self, seed: u64, index: u64, count: usize) -> Examples {
        match self {
            Self::Strokes => strokes::unseen(seed, index, count),
            Self::AppUsage => app_usage::unseen(seed, index, count),
        }
    }
}

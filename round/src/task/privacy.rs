//! The `[privacy]` section. Nothing in it has a default, and nothing in it may contradict itself.

use murmur_privacy::{
    correlated::Shape,
    units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier},
};
use serde::{Deserialize, Serialize};

use super::correlated::{ShapeKeys, name_of};

/// What a task promises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Section", into = "Section")]
pub enum Privacy {
    /// The rounded Gaussian on the sum of clipped updates, drawn afresh for each round or correlated between rounds.
    Gaussian {
        /// l2 clip of one device's whole update, in units of the model's parameters.
        clip: Clip,
        /// The task's budget: a filter, not a wish.
        epsilon: Epsilon,
        /// Failure probability, below 1 / population.
        delta: DeltaProbability,
        /// How much noise.
        noise: NoiseLevel,
        /// How the noise of rounds hangs together: `mechanism = "tree" | "banded" | "blt"`; not at all with `"gaussian"`.
        shape: Option<Shape>,
    },
    /// Nothing: `mechanism = "none"`. Updates are still clipped; epsilon is infinite and says so everywhere.
    None {
        /// l2 clip of one device's whole update.
        clip: Clip,
    },
}

/// How the noise is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenLevel", into = "WrittenLevel")]
pub enum NoiseLevel {
    /// The smallest that affords all rounds within the budget.
    Calibrate,
    /// This multiplier; rounds stop where the budget ends.
    Multiplier(NoiseMultiplier),
}

impl Privacy {
    /// The clip.
    #[must_use]
    pub fn clip(&self) -> Clip {
        match self {
            Self::Gaussian { clip, .. } | Self::None { clip } => *clip,
        }
    }

    /// The task's budget; infinite without a mechanism.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        match self {
            Self::Gaussian { epsilon, .. } => *epsilon,
            Self::None { .. } => Epsilon::INFINITE,
        }
    }

    /// The failure probability, where one is promised.
    #[must_use]
    pub fn delta(&self) -> Option<DeltaProbability> {
        match self {
            Self::Gaussian { delta, .. } => Some(*delta),
            Self::None { .. } => None,
        }
    }
}

/// The section as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    clip: Clip,
    mechanism: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<Epsilon>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<DeltaProbability>,
    #[serde(skip_serializing_if = "Option::is_none")]
    noise_multiplier: Option<NoiseLevel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bands: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buffers: Option<u32>,
}

impl TryFrom<Section> for Privacy {
    type Error = String;

    fn try_from(section: Section) -> Result<Self, String> {
        let Section { clip, mechanism, epsilon, delta, noise_multiplier, leaves, bands, buffers } = section;
        let shape = ShapeKeys { leaves, bands, buffers }.shape(&mechanism)?;
        let missing = |key: &str| format!("privacy.{key} is missing: nothing in [privacy] has a default");
        match mechanism.as_str() {
            "gaussian" | "tree" | "banded" | "blt" => {
                let epsilon = epsilon.ok_or_else(|| missing("epsilon"))?;
                let delta = delta.ok_or_else(|| missing("delta"))?;
                let noise = noise_multiplier.ok_or_else(|| missing("noise_multiplier"))?;
                if !epsilon.is_finite() || epsilon == Epsilon::ZERO {
                    return Err(format!(
                        "privacy.epsilon must be a positive number, not {epsilon}; to promise nothing, write mechanism = \
                         \"none\""
                    ));
                }
                Ok(Self::Gaussian { clip, epsilon, delta, noise, shape })
            }
            "none" => {
                let promised = [
                    ("epsilon", epsilon.is_some_and(Epsilon::is_finite)),
                    ("delta", delta.is_some()),
                    ("noise_multiplier", noise_multiplier.is_some()),
                ];
                match promised.iter().find(|(_, written)| *written) {
                    Some((key, _)) => Err(format!(
                        "privacy.{key} cannot be kept with mechanism = \"none\": its epsilon is infinite. Remove the key, or \
                         choose mechanism = \"gaussian\""
                    )),
                    None => Ok(Self::None { clip }),
                }
            }
            other => Err(format!(
                "privacy.mechanism is {other:?}; it must be \"gaussian\", \"tree\", \"banded\", \"blt\" or \"none\""
            )),
        }
    }
}

impl From<Privacy> for Section {
    fn from(privacy: Privacy) -> Self {
        let ShapeKeys { leaves, bands, buffers } = ShapeKeys::of(privacy.shape());
        let (mechanism, epsilon, delta, noise_multiplier) = match privacy {
            Privacy::Gaussian { epsilon, delta, noise, shape, .. } => {
                (name_of(shape), Some(epsilon), Some(delta), Some(noise))
            }
            Privacy::None { .. } => ("none", None, None, None),
        };
        let (clip, mechanism) = (privacy.clip(), mechanism.to_owned());
        Self { clip, mechanism, epsilon, delta, noise_multiplier, leaves, bands, buffers }
    }
}

/// A noise level as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenLevel {
    Number(f64),
    Word(String),
}

impl TryFrom<WrittenLevel> for NoiseLevel {
    type Error = String;

    fn try_from(written: WrittenLevel) -> Result<Self, String> {
        match written {
            WrittenLevel::Number(value) => {
                NoiseMultiplier::new(value).map(Self::Multiplier).map_err(|error| error.to_string())
            }
            WrittenLevel::Word(word) if word == "calibrate" => Ok(Self::Calibrate),
            WrittenLevel::Word(word) => {
                Err(format!("privacy.noise_multiplier is a number or \"calibrate\", not {word:?}"))
            }
        }
    }
}

impl From<NoiseLevel> for WrittenLevel {
    fn from(level: NoiseLevel) -> Self {
        match level {
            NoiseLevel::Calibrate => Self::Word("calibrate".to_owned()),
            NoiseLevel::Multiplier(multiplier) => Self::Number(multiplier.get()),
        }
    }
}
